import { follow } from "../library/follow.js";
import { trainingOf } from "../library/train.js";
import { nodes, nodesOptions, placeFor, takePart } from "./nodes.js";
import { controlOf } from "./terminal.js";
import { freeIn, show, trainOptionsOf } from "./training.js";
import { output, placement, recipe } from "./values.js";
import { work } from "./work.js";

export const command = work(
  { ...recipe, ...placement, ...nodes, ...output },
  async ({ nodes, nodeRank, rendezvous, keys, waitCoordinator, ...values }, terminal) => {
    const place = placeFor({ nodes, nodeRank, rendezvous }, terminal);
    const where = { remote: false, nodes: place.nodes };
    if (place.nodeRank > 0) {
      const { placement, recipe } = await trainingOf(trainOptionsOf(values), where);
      return takePart(place, { placement, model: recipe.model, keys, waitCoordinator }, terminal);
    }
    const others = nodesOptions(place, keys, values.runDir ?? null, terminal);
    const prepare = async () => ({
      ...(await trainingOf(trainOptionsOf(values), where, freeIn(terminal))),
      ...(others && { nodes: others }),
    });
    return show(follow(prepare, controlOf(terminal)), terminal);
  },
);
