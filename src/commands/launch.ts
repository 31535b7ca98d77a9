import { follow } from "../library/follow.js";
import { trainingOf } from "../library/train.js";
import { nodes, nodesOptions, placeFor, takePart } from "./nodes.js";
import { controlOf } from "./terminal.js";
import { show, trainOptionsOf } from "./training.js";
import { output, placement, recipe } from "./values.js";
import { work } from "./work.js";

export const command = work(
  { ...recipe, ...placement, ...nodes, ...output },
  async ({ nodes, nodeRank, rendezvous, keys, ...values }, terminal) => {
    const place = placeFor({ nodes, nodeRank, rendezvous }, terminal);
    const training = () => trainingOf(trainOptionsOf(values), { remote: false, nodes: place.nodes });
    if (place.nodeRank > 0) {
      const { placement, recipe } = await training();
      return takePart(place, { placement, model: recipe.model, keys }, terminal);
    }
    const others = nodesOptions(place, keys, values.runDir ?? null, terminal);
    const prepare = async () => ({ ...(await training()), ...(others && { nodes: others }) });
    return show(follow(prepare, controlOf(terminal)), terminal);
  },
);
