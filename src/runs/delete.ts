/** A run's folder is deleted: only what runs write, and never of one that is in use. */
import { lstatSync, readdirSync, realpathSync, rmdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { CnnDistError, messageOf, UsageError } from "../errors.js";
import { RunLock } from "../lock/lock.js";

/** What runs write into their folder; the recipe goes last, so that what is left of a deletion that was cut off is still a run. */
const WRITTEN = [
  "checkpoints",
  "logs",
  "metrics.jsonl",
  "replay.jsonl",
  "page.json",
  "keys",
  "pictures",
  "tensorboard",
  "mlflow.json",
  "report.html",
  "recipe.json",
] as const;
const LOCK = /^lock(\..*)?$/;

export interface Deletable {
  /** Absolute, without links. */
  path: string;
  checkpoints: number;
  sizeBytes: number;
  /** In the folder, and not written by a run: it stays, and the folder with it. */
  foreign: readonly string[];
}

/** UsageError `run-dir` where it is not the folder of a run. */
export function deletable(runDir: string): Deletable {
  const path = assertRunFolder(runDir);
  const entries = readdirSync(path);
  const foreign = entries.filter((name) => !isWritten(name)).sort();
  const checkpoints = entries.includes("checkpoints") ? readdirSync(join(path, "checkpoints")) : [];
  return {
    path,
    checkpoints: checkpoints.filter((name) => /^step-\d+$/.test(name)).length,
    sizeBytes: sizeOf(path),
    foreign,
  };
}

/**
 * Deletes it, holding its lock. UsageError `run-dir-in-use` while a run writes to it; CnnDistError `output` where something
 * cannot be removed. Resolves with what stays.
 */
export function deleteRun(runDir: string): readonly string[] {
  const { path, foreign } = deletable(runDir);
  const lock = RunLock.take(join(path, "lock"));
  try {
    for (const name of WRITTEN) {
      lock.assertHeld();
      rmSync(join(path, name), { recursive: true, force: true });
    }
  } catch (error) {
    if (error instanceof CnnDistError) throw error;
    throw new CnnDistError(
      "output",
      `${path} cannot be deleted as a whole: ${messageOf(error)}. Run it again once it can.`,
      {
        cause: error,
      },
    );
  } finally {
    lock.release();
  }
  if (foreign.length === 0) rmdirSync(path);
  return foreign;
}

function assertRunFolder(runDir: string): string {
  const given = resolve(runDir);
  const refuse = (why: string) =>
    new UsageError(
      "run-dir",
      `${given} is not deleted: ${why}. Give the folder of one run, as 'cnn-dist runs' lists it.`,
    );
  const stats = lstatSync(given, { throwIfNoEntry: false });
  if (!stats) throw refuse("it does not exist");
  if (stats.isSymbolicLink()) throw refuse(`it is a link to ${realOr(given)}, and that may be meant or not`);
  if (!stats.isDirectory()) throw refuse("it is not a folder");
  const recipe = lstatSync(join(given, "recipe.json"), { throwIfNoEntry: false });
  if (!recipe?.isFile()) throw refuse("it is not the folder of a run: it has no recipe.json");
  return realpathSync(given);
}

function realOr(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return "nothing";
  }
}

const isWritten = (name: string) =>
  (WRITTEN as readonly string[]).includes(name) || LOCK.test(name) || name.endsWith(".tmp");

/** Links are not followed. */
function sizeOf(path: string): number {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (!stats) return 0; // gone meanwhile
  if (!stats.isDirectory()) return stats.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}
