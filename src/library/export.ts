import { basename, resolve } from "node:path";
import { UsageError } from "../errors.js";
import type { WeightsKind } from "../events.js";
import { exportCheckpoint as exportSnapshot, type Format } from "../export/export.js";
import { nameOf } from "../models/choice.js";
import { openCheckpoint } from "./checkpoint.js";
import { datasetReader } from "./dataset.js";
import { type ExportOptions, exportSchema, optionsOf, pathGiven } from "./options.js";

export interface Exported {
  /** The checkpoint's folder, or the file of weights. */
  checkpoint: string;
  model: string;
  step: number;
  /** The moving average, where the checkpoint has one and `rawWeights` did not ask for the others. */
  weights: WeightsKind;
  format: Format;
  output: string;
  /** Every file that was written. */
  files: string[];
  size_bytes: number;
}

const SUFFIX: Readonly<Record<Format, string>> = { safetensors: ".safetensors", tfjs: "-tfjs", keras: ".keras" };

/**
 * Writes a checkpoint as safetensors, a tfjs layers model or a Keras archive; `output` is a file, or a folder for tfjs
 * (default: MODEL-step-N in the current directory). `path`: a run's folder (its newest checkpoint that is whole), a
 * checkpoint's, or a safetensors file of weights. UsageError `export` for a network that the format cannot hold, `no-checkpoint` when there is none;
 * CnnDistError `output` when it cannot be written.
 */
export async function exportCheckpoint(path: string, options: ExportOptions): Promise<Exported> {
  pathGiven(path, "its first argument", "exportCheckpoint");
  const { format, names, output: given, dataDir, ...request } = optionsOf(exportSchema, options, "exportCheckpoint");
  const access = { read: datasetReader(dataDir, options), needsData: false };
  const { snapshot, path: checkpoint, weights } = await openCheckpoint(path, request, access, options);
  const { recipe, step } = snapshot;
  const model = nameOf(recipe.model);
  const base = basename(model).replace(/\.(json|[cm]?[jt]s)$/, "");
  const output = resolve(given ?? `${base}-step-${step}${SUFFIX[format]}`);
  if (format === "keras" && !output.endsWith(".keras"))
    throw new UsageError("export", `--output ${output}: Keras opens only files whose names end in .keras.`);
  const { files, sizeBytes, notes } = await exportSnapshot(snapshot, format, output, names, weights);
  for (const note of notes) options.onWarning?.(note);
  return { checkpoint, model, step, weights, format, output, files, size_bytes: sizeBytes };
}
