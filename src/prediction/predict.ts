/** What a step will take, and how well workers will be used, before any of them starts. Pure. docs/scaling.md explains it. */
import {
  COMPUTE,
  COPY_SECONDS,
  EXCHANGE_COSTS,
  LINK_BYTES_PER_SECOND,
  NODE_COSTS,
  OPTIMIZER_MEGABYTE,
} from "./costs.js";
import { boundsOf, busiestShare, type Crossing } from "./nodes.js";

export interface Situation {
  /** Bytes of the trainable parameters, and the buckets that they travel in. */
  parameterBytes: number;
  buckets: number;
  shards: number;
  /** Of a machine. */
  workers: number;
  /** Machines beside this one; null: a run of one. */
  others: Pick<Crossing, "nodes" | "sums" | "socketThreads"> | null;
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
  const working = Math.min(workers * machinesOf(situation), shards);
  const rounds = Math.ceil(shards / working);
  const { coordinator, worker, lastBucket, link, socket, encrypting } = cpuOf(situation);
  const computing = rounds * compute;
  const handing = rounds * worker;
  const hidden = BACKWARD_SHARE * computing;
  const bounds = [
    computing + handing + lastBucket, // the slowest worker, one shard after the other
    computing - hidden + Math.max(hidden, link, socket) + lastBucket, // the wire, which the backward pass hides
    coordinator, // one thread adds and updates
    // all that runs on this machine
    remote ? 0 : (coresPerWorker * ownShards(situation) * (compute + worker) + coordinator + encrypting) / cores,
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

const machinesOf = ({ others }: Situation): number => 1 + (others?.nodes ?? 0);

/** Of the machine that has the coordinator, whose workers are given theirs first. */
const ownShards = (situation: Situation): number => Math.ceil(situation.shards / machinesOf(situation));

/** Seconds a step: of the coordinator, of a worker for a shard, of what follows the last gradient, of the wire, and of who encrypts: the busiest, and all. */
function cpuOf(situation: Situation) {
  const { parameterBytes, buckets, workers, others, exchange, optimizer, copySeconds, remote } = situation;
  const costs = EXCHANGE_COSTS[exchange];
  const slower = copySeconds / COPY_SECONDS;
  const megabytes = parameterBytes / 1e6;
  const shards = ownShards(situation);
  // Over frames a worker adds its shards and sends one sum; through shared memory each shard has its place.
  const gradients = exchange === "frames" ? Math.min(workers, shards) : shards;
  const perMegabyte = (gradients * costs.gradientMegabyte + costs.megabyte + OPTIMIZER_MEGABYTE[optimizer]) * slower;
  const messages = gradients * (buckets + 2) * costs.message;
  const crossing = others && { ...others, workers, parameterBytes, buckets };
  const nodes = crossing && boundsOf(crossing, COSTS_BESIDE, { linkBytesPerSecond: LINK_BYTES_PER_SECOND, slower });
  const link = remote ? (Math.min(workers, shards) * parameterBytes) / LINK_BYTES_PER_SECOND : (nodes?.wire ?? 0);
  const adding = messages + perMegabyte * megabytes + (nodes?.thread ?? 0);
  return {
    coordinator: costs.step + adding,
    worker: costs.workerStep + costs.workerMegabyte * slower * megabytes,
    lastBucket: LATENCY_SECONDS + (adding + 2 * Math.max(link, nodes?.socket ?? 0)) / buckets,
    link,
    socket: nodes?.socket ?? 0,
    encrypting: crossing && nodes ? nodes.socket / busiestShare(crossing) : 0,
  };
}

/** What nodes cost beside the run's own workers, of which a step and an update are counted already. */
const COSTS_BESIDE = { ...NODE_COSTS, step: 0, megabyte: 0 };
