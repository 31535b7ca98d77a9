import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { findCheckpoint } from "../checkpoint/find.js";
import type { Snapshot } from "../checkpoint/snapshot.js";
import type { Dataset } from "../data/dataset.js";
import { UsageError } from "../errors.js";
import type { WeightsKind } from "../events.js";
import type { ReadDataset } from "./dataset.js";
import type { CheckpointControl } from "./options.js";
import { openWeights, type WeightsRequest } from "./weights.js";

export interface Opened {
  snapshot: Snapshot;
  /** The checkpoint's folder, or the file of weights. */
  path: string;
  /** What the snapshot's weights are; where the average was taken, it is in their place. */
  weights: WeightsKind;
  /** Read for a file of weights alone: a checkpoint knows what it needs of its data. */
  dataset: Dataset | null;
}

/** Of a run which checkpoint, and of a checkpoint which weights. */
interface Choice {
  best?: boolean | undefined;
  rawWeights?: boolean | undefined;
}

/**
 * The checkpoint that a path names, with a warning for each that was passed over, and the moving average
 * of its weights where it has one; or the network of a safetensors file, which
 * reads the data set where `needsData` says so. UsageError `no-checkpoint`, or what `openWeights` throws.
 */
export async function openCheckpoint(
  path: string,
  { best = false, rawWeights = false, ...request }: Choice & WeightsRequest,
  { read, needsData }: { read: ReadDataset; needsData: boolean },
  control: Pick<CheckpointControl, "onWarning" | "signal">,
): Promise<Opened> {
  const found = await stat(path).catch(() => null);
  if (found?.isFile()) {
    if (best) throw new UsageError("no-checkpoint", `--best chooses among a run's checkpoints; ${path} is a file.`);
    if (rawWeights)
      throw new UsageError(
        "usage",
        `--raw-weights chooses in a checkpoint; ${path} is a file, whose weights are taken as they are. Leave --raw-weights out.`,
      );
    const opened = await openWeights(path, request, { read, always: needsData }, control);
    return { ...opened, weights: "raw", path: resolve(path) };
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
  const { ema } = snapshot;
  const averaged = ema !== null && !rawWeights;
  return {
    snapshot: averaged ? { ...snapshot, ...ema } : snapshot,
    weights: averaged ? "ema" : "raw",
    path: folder,
    dataset: null,
  };
}
