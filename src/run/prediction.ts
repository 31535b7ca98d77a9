/** For the plan of a dry run: what the run's steps will take, from the recipe, this machine and costs that were measured once. */
import { availableParallelism } from "node:os";
import { globalBatch } from "../data/order.js";
import type { AssignedDevice } from "../engine/gpus.js";
import type { PredictionFacts } from "../events.js";
import { summarize } from "../models/parameters.js";
import { buildModel } from "../models/registry.js";
import { BF16_SHARE } from "../prediction/costs.js";
import { computeForEfficiency, computeSeconds, predictStep, type Situation } from "../prediction/predict.js";
import type { Exchange } from "../protocol/messages.js";
import type { Prepared } from "./plan.js";

/** The efficiency that `enough_compute_seconds` stands for. */
const GOOD = 0.9;
const COPIED_BYTES = 32e6;
const COPIES = 3;

export interface Placed {
  devices: readonly AssignedDevice[];
  /** Workers are on other hosts. */
  remote: boolean;
  exchange: Exchange;
}

/**
 * Null for a model of the user's own, which nobody has read yet, for several devices a worker, and for compressed gradients:
 * the costs that were measured say nothing of them.
 */
export function predictRun(
  { start }: Pick<Prepared, "start">,
  { devices, remote, exchange }: Placed,
): PredictionFacts | null {
  const { recipe, values } = start;
  if (values === "from the first worker" || (devices[0]?.count ?? 1) > 1 || recipe.compress !== "none") return null;
  const { layout } = values;
  const { shards } = globalBatch(recipe);
  const onGpu = devices.some(({ kind }) => kind === "gpu");
  const situation: Situation = {
    parameterBytes: layout.parameters * 4,
    buckets: layout.buckets.length,
    shards,
    workers: devices.length,
    exchange,
    remote,
    optimizer: recipe.optimizer,
    cores: availableParallelism(),
    coresPerWorker: onGpu ? 0 : recipe.threads,
    copySeconds: copySeconds(),
  };
  const compute = remote || onGpu ? null : computeOf(start);
  const step = compute === null ? null : predictStep(situation, compute);
  return {
    exchange,
    exchanged_bytes: situation.parameterBytes,
    compute_seconds: compute === null ? null : compute * Math.ceil(shards / Math.min(shards, devices.length)),
    step_seconds: step?.stepSeconds ?? null,
    exchange_seconds: (step ?? predictStep(situation, 0)).exchangeSeconds,
    efficiency: step?.efficiency ?? null,
    enough_compute_seconds: computeForEfficiency(situation, GOOD),
  };
}

/** Seconds a shard, from multiply-adds at a rate that was measured elsewhere. Null for a model without a table. */
function computeOf({ recipe, image, classNames }: Prepared["start"]): number | null {
  const { model } = recipe;
  if (model.kind === "file") return null;
  const summary = summarize(
    buildModel(model.name, { input: image, classes: classNames.length, options: model.options }),
  );
  const seconds = computeSeconds({
    multiplyAdds: summary.multiply_adds,
    outputBytes: summary.activation_bytes,
    layers: summary.layers.length,
    images: recipe.batchSize / recipe.shards,
    threads: recipe.threads,
  });
  return recipe.precision === "bf16" ? seconds * BF16_SHARE : seconds;
}

/** CPU time to copy a MB on this machine, between memories that caches do not hold. */
function copySeconds(): number {
  const from = new Float32Array(COPIED_BYTES / 4).fill(1);
  const to = new Float32Array(COPIED_BYTES / 4).fill(2);
  const microseconds = Array.from({ length: COPIES }, () => {
    const start = process.cpuUsage();
    to.set(from);
    const { user, system } = process.cpuUsage(start);
    return user + system;
  });
  return Math.max(1, Math.min(...microseconds)) / 1e6 / (COPIED_BYTES / 1e6);
}
