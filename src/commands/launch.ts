import { train } from "../library/train.js";
import { controlOf } from "./terminal.js";
import { show, trainOptionsOf } from "./training.js";
import { output, placement, recipe } from "./values.js";
import { work } from "./work.js";

export const command = work({ ...recipe, ...placement, ...output }, (values, terminal) =>
  show(train({ ...trainOptionsOf(values), ...controlOf(terminal) }), terminal),
);
