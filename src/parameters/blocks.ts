/**
 * A block: consecutive shards, a power of two of them, that one worker computes and adds, so that they take one place in a
 * run's memory. It is a node of the reduction tree, and so decides nothing about the bits. The last block may be smaller.
 */
import type { Range } from "./tree.js";

/** Shards, as a share of those that it must have, by which larger blocks may raise the busiest worker's. */
const SLACK = 1 / 8;

/**
 * Shards a block: as many as can be, but no more than batches are accumulated, and not at the cost of balance. There are at
 * most twice as many blocks as a batch has shards, or 16 for each worker, however many batches a step has. `shards`: of a
 * step.
 */
export function blockSize({
  shards,
  accumulate,
  workers,
}: {
  shards: number;
  accumulate: number;
  workers: number;
}): number {
  const busiest = (block: number) => Math.min(shards, Math.ceil(Math.ceil(shards / block) / workers) * block);
  const most = busiest(1) * (1 + SLACK);
  let block = 1;
  for (let larger = 2; larger <= accumulate; larger *= 2) if (busiest(larger) <= most) block = larger;
  return block;
}

/** The block of a shard. */
export function blockAround(shard: number, block: number, shards: number): Range {
  const start = shard - (shard % block);
  return { start, end: Math.min(start + block, shards) };
}

/** Given shards, in ascending order, by their blocks. */
export function byBlock(given: readonly number[], block: number): number[][] {
  const blocks = new Map<number, number[]>();
  for (const shard of given) {
    const start = shard - (shard % block);
    const held = blocks.get(start);
    if (held) held.push(shard);
    else blocks.set(start, [shard]);
  }
  return [...blocks.values()];
}
