import { follow } from "../library/follow.js";
import { trainingOf } from "../library/train.js";
import { checkTcpEndpoint } from "../transport/address.js";
import { controlOf } from "./terminal.js";
import { show, trainOptionsOf } from "./training.js";
import { output, path, placement, recipe } from "./values.js";
import { work } from "./work.js";

// Whoever started a worker starts it again, on devices of its own, and shares no memory with this machine.
const { maxRestarts: _, exchange: __, devicesPerWorker: ___, ...placementOfOthers } = placement;

export const command = work(
  { bind: path, ...recipe, ...placementOfOthers, ...output },
  async ({ bind, ...values }, terminal) => {
    checkTcpEndpoint("--bind", bind);
    const prepare = async () => ({ ...(await trainingOf(trainOptionsOf(values), { remote: true })), bind });
    return show(follow(prepare, controlOf(terminal)), terminal);
  },
);
