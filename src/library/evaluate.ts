import type { Snapshot } from "../checkpoint/snapshot.js";
import type { Dataset } from "../data/dataset.js";
import { loadDataset } from "../data/datasets.js";
import { LateDecoder } from "../data/late-decoder.js";
import { UsageError } from "../errors.js";
import { evaluate as evaluateSnapshot, type Protocol } from "../evaluation/evaluate.js";
import type { Scores } from "../evaluation/scores.js";
import { nameOf } from "../models/choice.js";
import { cacheDirectory } from "../paths.js";
import { openCheckpoint } from "./checkpoint.js";
import { openInference } from "./inference.js";
import { type CheckpointControl, type EvaluateOptions, evaluateSchema, optionsOf } from "./options.js";

export interface Evaluation extends Scores {
  /** The checkpoint's folder. */
  checkpoint: string;
  model: string;
  step: number;
  dataset: string;
  dataset_sha256: string;
  protocol: Protocol;
}

/**
 * A checkpoint on a test set, each image once: loss, top-1, top-5, every class, and what was taken for what. `path`: a
 * run's folder (its newest checkpoint that is whole) or a checkpoint's. TensorFlow is opened in this process. UsageError
 * `no-checkpoint` when there is none, `data-differs` for other data than the run's, `classes-differ`, `channels-differ` and
 * `image-differs` for data that the network was not made for; rejects with the signal's reason.
 */
export async function evaluate(path: string, options: EvaluateOptions = {}): Promise<Evaluation> {
  const { best, tenCrop, dense, device, threads, ...data } = optionsOf(evaluateSchema, options, "evaluate");
  const { signal, onProgress } = options;
  const protocol = protocolOf(tenCrop === true, dense === true);
  const found = await openCheckpoint(path, { best }, options);
  const { snapshot } = found;
  const decoder = new LateDecoder();
  const dataset = await datasetOf(snapshot, data, options, decoder);
  const inference = await openInference(snapshot, { device, threads }, options);
  try {
    decoder.use(inference.engine);
    const scores = await evaluateSnapshot(inference.engine, snapshot, dataset, {
      protocol,
      ...(signal ? { signal } : {}),
      onProgress: (received, total) => onProgress?.({ what: "evaluating", received, total, unit: "images" }),
    });
    return {
      checkpoint: found.path,
      model: nameOf(snapshot.recipe.model),
      step: snapshot.step,
      dataset: dataset.name,
      dataset_sha256: dataset.sha256,
      protocol,
      ...scores,
    };
  } finally {
    await inference.close();
  }
}

function protocolOf(tenCrop: boolean, dense: boolean): Protocol {
  if (tenCrop && dense)
    throw new UsageError("usage", "--ten-crop and --dense are two ways to evaluate; give one of them.");
  return tenCrop ? "ten-crop" : dense ? "dense" : "center";
}

/** The run's own data, which must be what it was; or those of `--dataset`, which may be any of the same classes. */
async function datasetOf(
  { recipe }: Snapshot,
  { dataset: name, datasetOptions, dataDir }: Pick<EvaluateOptions, "dataset" | "datasetOptions" | "dataDir">,
  { signal, onProgress }: CheckpointControl,
  { decode }: LateDecoder,
): Promise<Dataset> {
  const own = name === undefined;
  if (own && datasetOptions)
    throw new UsageError("usage", "--dataset-option goes with --dataset; without it the run's own data are read.");
  const known = own && recipe.datasetSha256 !== null ? recipe.datasetSha256 : null;
  const dataset = await loadDataset(name ?? recipe.dataset, {
    cacheDir: cacheDirectory(process.env),
    options: own ? recipe.datasetOptions : (datasetOptions ?? {}),
    decode,
    ...(signal ? { signal } : {}),
    ...(onProgress ? { onProgress } : {}),
    ...(dataDir == null ? {} : { dataDir }),
    ...(known === null ? {} : { sha256: known }),
  });
  if (known !== null && dataset.sha256 !== known)
    throw new UsageError(
      "data-differs",
      `the data set ${dataset.name} from ${dataset.source} is not the one of this run (SHA-256 ${dataset.sha256}, expected ${known}). Give the same data by --data-dir, or say by --dataset ${dataset.name} that others are meant.`,
    );
  return dataset;
}
