import { LateDecoder } from "../data/late-decoder.js";
import { UsageError } from "../errors.js";
import { evaluate as evaluateSnapshot, type Protocol } from "../evaluation/evaluate.js";
import type { Scores } from "../evaluation/scores.js";
import type { WeightsKind } from "../events.js";
import { nameOf } from "../models/choice.js";
import { openCheckpoint } from "./checkpoint.js";
import { datasetOf, datasetReader } from "./dataset.js";
import { openInference } from "./inference.js";
import { type EvaluateOptions, evaluateSchema, optionsOf, pathGiven } from "./options.js";
import { allowFound } from "./trust.js";

export interface Evaluation extends Scores {
  /** The checkpoint's folder, or the file of weights. */
  checkpoint: string;
  model: string;
  step: number;
  /** The moving average, where the checkpoint has one and `rawWeights` did not ask for the others. */
  weights: WeightsKind;
  dataset: string;
  dataset_sha256: string;
  protocol: Protocol;
}

/**
 * A checkpoint on a test set, each image once: loss, top-1, top-5, every class, and what was taken for what. `path`: a
 * run's folder (its newest checkpoint that is whole), a checkpoint's, or a safetensors file of weights. TensorFlow is opened in this process. UsageError
 * `no-checkpoint` when there is none, `data-differs` for other data than the run's, `classes-differ`, `channels-differ` and
 * `image-differs` for data that the network was not made for; rejects with the signal's reason.
 */
export async function evaluate(path: string, options: EvaluateOptions = {}): Promise<Evaluation> {
  pathGiven(path, "its first argument", "evaluate");
  const values = optionsOf(evaluateSchema, options, "evaluate");
  const { best, rawWeights, trustModel, tenCrop, dense, device, threads, dataDir, ...request } = values;
  const { signal, onProgress } = options;
  const protocol = protocolOf(tenCrop === true, dense === true);
  const decoder = new LateDecoder();
  const read = datasetReader(dataDir, options, decoder.decode);
  const found = await openCheckpoint(path, { best, rawWeights, ...request }, { read, needsData: true }, options);
  const { snapshot } = found;
  allowFound(snapshot.recipe.model, { trustModel });
  const dataset = found.dataset ?? (await datasetOf(snapshot.recipe, request, read));
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
      weights: found.weights,
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
