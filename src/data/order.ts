/** Which images a step, a shard and an evaluation see: pure functions of seed, epoch, step and shard. */
import { deriveKey, permutation } from "../random.js";

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Of the images in a span, one after the other. */
export function indicesOf({ start, end }: Span): number[] {
  return Array.from({ length: end - start }, (_, index) => start + index);
}

/**
 * The batch of a step, and its shards: `accumulate` batches one after the other are one large batch whose shards are the
 * shards of all of them. Everything about a step, order, noise and the reduction tree, follows from these two alone.
 */
export function globalBatch({
  batchSize,
  shards,
  accumulate,
}: {
  batchSize: number;
  shards: number;
  accumulate: number;
}): { batchSize: number; shards: number } {
  return { batchSize: batchSize * accumulate, shards: shards * accumulate };
}

export function stepsPerEpoch(count: number, batchSize: number): number {
  return Math.ceil(count / batchSize);
}

/** Steps of a whole training, which ends at `steps` or `epochs`, whichever comes first. */
export function totalSteps(
  { steps, epochs }: { steps: number | null; epochs: number | null },
  perEpoch: number,
): number {
  return Math.min(steps ?? Number.POSITIVE_INFINITY, epochs === null ? Number.POSITIVE_INFINITY : epochs * perEpoch);
}

/** Images of one step; the last of an epoch may be short. */
export function batchOf(count: number, batchSize: number, stepInEpoch: number): number {
  return Math.min(batchSize, count - stepInEpoch * batchSize);
}

/** Where `step` commits (0-based) falls. */
export function positionOf(step: number, perEpoch: number): { epoch: number; stepInEpoch: number } {
  return { epoch: Math.floor(step / perEpoch), stepInEpoch: step % perEpoch };
}

/** A shard's slice of a batch: consecutive, nearly equal; empty where a short batch has fewer images than shards. */
export function shardSpan(batch: number, shards: number, shard: number): Span {
  return { start: Math.floor((shard * batch) / shards), end: Math.floor(((shard + 1) * batch) / shards) };
}

export function emptyShards(batch: number, shards: number): number[] {
  return Array.from({ length: shards }, (_, shard) => shard).filter((shard) => {
    const { start, end } = shardSpan(batch, shards, shard);
    return start === end;
  });
}

/** The order of one run's images. Remembers the permutation of the last epoch asked for. */
export class EpochOrder {
  readonly #seed: number;
  readonly #count: number;
  #epoch = -1;
  #order: Uint32Array = new Uint32Array(0);

  constructor(seed: number, count: number) {
    this.#seed = seed;
    this.#count = count;
  }

  /** Indices of a shard's images in the training set. */
  samples(place: {
    epoch: number;
    stepInEpoch: number;
    batchSize: number;
    shards: number;
    shard: number;
  }): Uint32Array {
    if (place.epoch !== this.#epoch) {
      this.#order = permutation(deriveKey(this.#seed, "order", place.epoch), this.#count);
      this.#epoch = place.epoch;
    }
    const batch = batchOf(this.#count, place.batchSize, place.stepInEpoch);
    const { start, end } = shardSpan(batch, place.shards, place.shard);
    const first = place.stepInEpoch * place.batchSize;
    return this.#order.subarray(first + start, first + end);
  }
}

/** Fixed pieces of a test set, so that an evaluation's sums do not depend on who computes them. */
export function evaluationChunks(count: number, chunk: number): Span[] {
  return Array.from({ length: Math.ceil(count / chunk) }, (_, index) => ({
    start: index * chunk,
    end: Math.min(count, (index + 1) * chunk),
  }));
}
