import { follow } from "../library/follow.js";
import { trainingOf } from "../library/train.js";
import { coordinatorKeys } from "../run/keys.js";
import { checkTcpEndpoint } from "../transport/address.js";
import { controlOf } from "./terminal.js";
import { freeIn, show, trainOptionsOf } from "./training.js";
import { output, path, placement, recipe } from "./values.js";
import { work } from "./work.js";

// Whoever started a worker starts it again, on devices of its own, and shares no memory with this machine.
const { maxRestarts: _, exchange: __, devicesPerWorker: ___, ...placementOfOthers } = placement;

export const command = work(
  { bind: path, keys: path.optional(), ...recipe, ...placementOfOthers, ...output },
  async ({ bind: endpoint, keys: folder, ...values }, terminal) => {
    checkTcpEndpoint("--bind", endpoint);
    const bind = { endpoint, keys: coordinatorKeys(folder, terminal.io.env) };
    const prepare = async () => ({
      ...(await trainingOf(trainOptionsOf(values), { remote: true }, freeIn(terminal))),
      bind,
    });
    return show(follow(prepare, controlOf(terminal)), terminal);
  },
);
