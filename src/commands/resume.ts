import { resume } from "../library/resume.js";
import { controlOf } from "./terminal.js";
import { show } from "./training.js";
import { flag, length, output, path, placement } from "./values.js";
import { work } from "./work.js";

const { runDir: _, autoResume: __, ...placementOfRun } = placement; // the run has its folder

export const command = work(
  { runDir: path, trustModel: flag, ...length, ...placementOfRun, allowDifferentEngine: flag, ...output },
  ({ runDir, json: _json, quiet: _quiet, ...options }, terminal) =>
    show(resume(runDir, { ...options, ...controlOf(terminal) }), terminal),
);
