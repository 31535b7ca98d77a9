/** What a step will take, and how well workers will be used, before any of them starts. Pure. docs/scaling.md explains it. */
import { COMPUTE, COPY_SECONDS, EXCHANGE_COSTS, LINK_BYTES_PER_SECOND, OPTIMIZER_MEGABYTE } from "./costs.js";

export interface Situation {
  /** Bytes of the trainable parameters, and the buckets that they travel in. */
  parameterBytes: number;
  buckets: number;
  shards: number;
  workers: number;
  exchange: keyof typeof EXCHANGE_COSTS;
  /** Workers are on other hosts. */
  remote: boolean;
  optimizer: keyof typeof OPTIMIZER_MEGABYTE;
  /** Cores of this machine, where the coordinator runs, and its workers unless they are remote. */
  cores: number;
  /** Cores that a local worker keeps busy: its threads on the CPU, none that count on a GPU. */
  coresPerWorker: number;
  /** CPU seconds that a plain copy of a MB takes on this machine. */
  copySeconds: number;
}

export interface Prediction {
  /** Seconds a step. */
  stepSeconds: number;
  /** Seconds of it that are not computing. */
  exchangeSeconds: number;
  /** Speed against as many workers that exchange nothing, each with a core to itself: 1 is the most. */
  efficiency: number;
}

/** The first messages of a step and the last commit: seconds that nothing hides. */
const LATENCY_SECONDS = 0.5e-3;
/** Share of a step's computing that is the backward pass, during which gradients leave. */
const BACKWARD_SHARE = 2 / 3;

/** Seconds that one thread computes on a shard. `images`: of a shard; the others: of the network, an image. */
export function computeSeconds(network: {
  multiplyAdds: number;
  outputBytes: number;
  layers: number;
  images: number;
  threads: number;
}): number {
  const { multiplyAdds, outputBytes, layers, images, threads } = network;
  const image = (3 * multiplyAdds) / COMPUTE.multiplyAddsPerSecond + outputBytes / COMPUTE.outputBytesPerSecond;
  return (images * image) / threads + layers * COMPUTE.layerSeconds;
}

/** `compute`: seconds that a worker computes on a shard. */
export function predictStep(situation: Situation, compute: number): Prediction {
  const { shards, workers, cores, coresPerWorker, remote } = situation;
  const working = Math.min(workers, shards);
  const rounds = Math.ceil(shards / working);
  const { coordinator, worker, lastBucket, link } = cpuOf(situation);
  const computing = rounds * compute;
  const handing = rounds * worker;
  const hidden = BACKWARD_SHARE * computing;
  const bounds = [
    computing + handing + lastBucket, // the slowest worker, one shard after the other
    computing - hidden + Math.max(hidden, link) + lastBucket, // the wire, which the backward pass hides
    coordinator, // one thread adds and updates
    remote ? 0 : (coresPerWorker * shards * (compute + worker) + coordinator) / cores, // all that runs on this machine
  ];
  const stepSeconds = Math.max(...bounds);
  return {
    stepSeconds,
    exchangeSeconds: stepSeconds - computing,
    efficiency: (shards * compute) / (working * stepSeconds),
  };
}

/** The least seconds of computing a shard that make an efficiency; null where none does. */
export function computeForEfficiency(situation: Situation, efficiency: number): number | null {
  let [low, high] = [0, 3600];
  if (predictStep(situation, high).efficiency < efficiency) return null;
  for (let round = 0; round < 60; round++) {
    const middle = (low + high) / 2;
    if (predictStep(situation, middle).efficiency < efficiency) low = middle;
    else high = middle;
  }
  return high;
}

/** Seconds a step: of the coordinator, of a worker for a shard, of what follows the last gradient, and of the wire. */
function cpuOf(situation: Situation) {
  const { parameterBytes, buckets, shards, workers, exchange, optimizer, copySeconds, remote } = situation;
  const costs = EXCHANGE_COSTS[exchange];
  const slower = copySeconds / COPY_SECONDS;
  const megabytes = parameterBytes / 1e6;
  // Over frames a worker adds its shards and sends one sum; through shared memory each shard has its place.
  const gradients = exchange === "frames" ? Math.min(workers, shards) : shards;
  const perMegabyte = (gradients * costs.gradientMegabyte + costs.megabyte + OPTIMIZER_MEGABYTE[optimizer]) * slower;
  const messages = gradients * (buckets + 2) * costs.message;
  const link = remote ? (Math.min(workers, shards) * parameterBytes) / LINK_BYTES_PER_SECOND : 0;
  return {
    coordinator: costs.step + messages + perMegabyte * megabytes,
    worker: costs.workerStep + costs.workerMegabyte * slower * megabytes,
    lastBucket: LATENCY_SECONDS + (messages + perMegabyte * megabytes + 2 * link) / buckets,
    link,
  };
}
