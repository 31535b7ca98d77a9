import { follow } from "../library/follow.js";
import { resumptionOf } from "../library/resume.js";
import { nodes, nodesOptions, placeFor, takePart } from "./nodes.js";
import { controlOf } from "./terminal.js";
import { show } from "./training.js";
import { flag, length, output, path, placement } from "./values.js";
import { work } from "./work.js";

const { runDir: _, autoResume: __, ...placementOfRun } = placement; // the run has its folder

export const command = work(
  { runDir: path, trustModel: flag, ...length, ...placementOfRun, ...nodes, allowDifferentEngine: flag, ...output },
  async (
    { runDir, nodes, nodeRank, rendezvous, keys, waitCoordinator, json: _json, quiet: _quiet, ...options },
    terminal,
  ) => {
    const place = placeFor({ nodes, nodeRank, rendezvous }, terminal);
    const resumption = () => resumptionOf(runDir, options);
    if (place.nodeRank > 0) {
      const { placement, recipe } = resumption();
      const participant = { placement: { ...placement, runDir }, model: recipe.model, keys, waitCoordinator };
      return takePart(place, participant, terminal);
    }
    const others = nodesOptions(place, keys, runDir, terminal);
    const prepare = async () => ({ ...resumption(), ...(others && { nodes: others }) });
    return show(follow(prepare, controlOf(terminal)), terminal);
  },
);
