/** From what a person names, a run's folder or a checkpoint's, to the one checkpoint that is meant. */
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { CnnDistError, UsageError } from "../errors.js";
import { FILES } from "./format.js";
import { loadCheckpoint } from "./load.js";
import { CheckpointStore, checkpointPath, type Loaded } from "./store.js";

/**
 * Of a run the newest checkpoint that verifies, or with `best` the one of the best evaluation; else the folder's own.
 * UsageError `no-checkpoint` when there is nothing of the kind, or when it is damaged.
 */
export async function findCheckpoint(path: string, { best = false }: { best?: boolean } = {}): Promise<Loaded> {
  const folder = resolve(path);
  if (!(await isThere(folder))) throw new UsageError("no-checkpoint", `${path} does not exist. ${EXPECTED}`);
  if (await isThere(join(folder, "checkpoints"))) {
    const newest = await new CheckpointStore(folder, 1).loadNewest();
    return best ? bestOf(folder, newest) : newest;
  }
  if (!(await isThere(join(folder, FILES.manifest))))
    throw new UsageError(
      "no-checkpoint",
      `${path} is neither a run's folder (it has no checkpoints/) nor a checkpoint's (it has no ${FILES.manifest}). ${EXPECTED}`,
    );
  if (best)
    throw new UsageError("no-checkpoint", `--best chooses among a run's checkpoints; ${path} is a checkpoint itself.`);
  return { snapshot: await load(folder), path: folder, passedOver: [] };
}

const EXPECTED = "Give the folder that 'cnn-dist launch' printed, or one of the checkpoints/step-… in it.";

async function bestOf(run: string, newest: Loaded): Promise<Loaded> {
  const { best } = newest.snapshot;
  if (best === null)
    throw new UsageError(
      "no-checkpoint",
      `--best: ${run} was never evaluated, so none of its checkpoints is the best. Leave --best out to take the newest.`,
    );
  if (best.step === newest.snapshot.step) return newest;
  const path = checkpointPath(run, best.step);
  return { snapshot: await load(path), path, passedOver: newest.passedOver };
}

async function load(path: string): Promise<Loaded["snapshot"]> {
  try {
    return await loadCheckpoint(path);
  } catch (error) {
    if (!(error instanceof CnnDistError)) throw error;
    throw new UsageError("no-checkpoint", `${path} is not an intact checkpoint: ${error.message}`, { cause: error });
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
