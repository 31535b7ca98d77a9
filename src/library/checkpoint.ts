import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { findCheckpoint } from "../checkpoint/find.js";
import type { Snapshot } from "../checkpoint/snapshot.js";
import type { Dataset } from "../data/dataset.js";
import { UsageError } from "../errors.js";
import type { ReadDataset } from "./dataset.js";
import type { CheckpointControl } from "./options.js";
import { openWeights, type WeightsRequest } from "./weights.js";

export interface Opened {
  snapshot: Snapshot;
  /** The checkpoint's folder, or the file of weights. */
  path: string;
  /** Read for a file of weights alone: a checkpoint knows what it needs of its data. */
  dataset: Dataset | null;
}

/**
 * The checkpoint that a path names, with a warning for each that was passed over; or the network of a safetensors file, which
 * reads the data set where `needsData` says so. UsageError `no-checkpoint`, or what `openWeights` throws.
 */
export async function openCheckpoint(
  path: string,
  { best = false, ...request }: { best?: boolean | undefined } & WeightsRequest,
  { read, needsData }: { read: ReadDataset; needsData: boolean },
  control: Pick<CheckpointControl, "onWarning" | "signal">,
): Promise<Opened> {
  const found = await stat(path).catch(() => null);
  if (found?.isFile()) {
    if (best) throw new UsageError("no-checkpoint", `--best chooses among a run's checkpoints; ${path} is a file.`);
    const weights = await openWeights(path, request, { read, always: needsData }, control);
    return { ...weights, path: resolve(path) };
  }
  for (const [flag, value] of [
    ["--model", request.model],
    ["--recipe", request.recipe],
    ["--model-option", request.modelOptions],
    ["--normalization", request.normalization],
  ] as const)
    if (value !== undefined)
      throw new UsageError(
        "usage",
        `${flag} goes with a safetensors file; ${path} is not a file, and a run or a checkpoint knows its own network. Leave ${flag} out.`,
      );
  const { snapshot, path: folder, passedOver } = await findCheckpoint(path, { best });
  for (const { path: damaged, reason } of passedOver) control.onWarning?.(`${damaged} was passed over: ${reason}`);
  return { snapshot, path: folder, dataset: null };
}
