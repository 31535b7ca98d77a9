/** For the plan of a dry run: what the run's steps will take, from the recipe, this machine and costs that were measured once. */
import { availableParallelism } from "node:os";
import { globalBatch, indicesOf } from "../data/order.js";
import type { AssignedDevice } from "../engine/gpus.js";
import type { PredictionFacts } from "../events.js";
import { summarize } from "../models/parameters.js";
import { buildModel } from "../models/registry.js";
import { divide } from "../parameters/divide.js";
import { coverOf } from "../parameters/tree.js";
import { BF16_SHARE, LINK_BYTES_PER_SECOND } from "../prediction/costs.js";
import { computeForEfficiency, computeSeconds, predictStep, type Situation } from "../prediction/predict.js";
import type { Exchange } from "../protocol/messages.js";
import { IO_THREADS } from "../transport/admission.js";
import type { Prepared } from "./plan.js";

/** The efficiency that `enough_compute_seconds` stands for. */
const GOOD = 0.9;
const COPIED_BYTES = 32e6;
const COPIES = 3;

export interface Placed {
  /** Of this machine. */
  devices: readonly AssignedDevice[];
  /** Machines of the run; each is taken to be like this one. */
  nodes: number;
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
  { devices, nodes, remote, exchange }: Placed,
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
    others:
      nodes > 1 ? { nodes: nodes - 1, sums: sumsOf(shards, nodes, devices.length), socketThreads: IO_THREADS } : null,
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
    link_bytes_per_second: remote || nodes > 1 ? LINK_BYTES_PER_SECOND : null,
    compute_seconds: compute === null ? null : compute * Math.ceil(shards / Math.min(shards, devices.length * nodes)),
    step_seconds: step?.stepSeconds ?? null,
    exchange_seconds: (step ?? predictStep(situation, 0)).exchangeSeconds,
    efficiency: step?.efficiency ?? null,
    enough_compute_seconds: computeForEfficiency(situation, GOOD),
  };
}

/** Sums a bucket that come from all machines but the first: of each, one for every whole range of its shards. */
function sumsOf(shards: number, nodes: number, workers: number): number {
  const seats = divide(indicesOf({ start: 0, end: shards }), nodes * workers);
  const ofNode = (node: number) => seats.slice(node * workers, (node + 1) * workers).flat();
  return Array.from({ length: nodes - 1 }, (_, index) => coverOf(ofNode(index + 1), shards).length).reduce(
    (sum, ranges) => sum + ranges,
    0,
  );
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
