import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { UNWRITTEN } from "../config/recipe.js";
import { messageOf, UsageError } from "../errors.js";
import { cacheDirectory } from "../paths.js";
import { compareRuns as compared } from "../runs/compare.js";
import { deleteRun as deleted } from "../runs/delete.js";
import { findRuns, readRun } from "../runs/list.js";
import type { RunComparison, RunsList } from "../runs/types.js";
import { pathGiven } from "./options.js";

/** The runs of a folder, live and past, the latest first. UsageError `run-dir` where it cannot be listed. */
export async function listRuns(dir = "runs"): Promise<RunsList> {
  return (await findRuns(pathGiven(dir, "its argument", "listRuns"), cacheDirectory())).list;
}

/** Which keys of their recipes differ, and whether recipes and weights are equal. UsageError `run-dir` for what is no run. */
export async function compareRuns(runDirs: readonly string[]): Promise<RunComparison> {
  if (runDirs.length < 2)
    throw new UsageError("config", `compareRuns: two runs or more are needed; received ${JSON.stringify(runDirs)}.`);
  const runs = runDirs.map((runDir) => {
    const path = resolve(pathGiven(runDir, "each run", "compareRuns"));
    try {
      return readRun(path);
    } catch (error) {
      const why = existsSync(path) ? messageOf(error) : "it does not exist";
      throw new UsageError("run-dir", `${path} cannot be compared: ${why}. Give folders of runs.`, { cause: error });
    }
  });
  return compared(runs, UNWRITTEN);
}

/**
 * Deletes what the run wrote into its folder, and the folder if nothing else is in it. Resolves with the paths of what stays.
 * UsageError `run-dir-in-use` while a run writes there, `run-dir` for what is not the folder of a run.
 */
export async function deleteRun(runDir: string): Promise<readonly string[]> {
  const path = resolve(pathGiven(runDir, "its argument", "deleteRun"));
  return deleted(path).map((name) => join(path, name));
}
