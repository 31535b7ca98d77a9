/** Which worker computes which shards. */

/**
 * Cuts shards, in ascending order, into one contiguous block a worker, nearly equal, the larger ones first; workers
 * beyond the number of shards get none. Contiguous blocks hold whole nodes of the reduction tree, so few sums travel.
 */
export function divide(shards: readonly number[], workers: number): number[][] {
  const blocks: number[][] = [];
  let start = 0;
  for (let worker = 0; worker < workers; worker++) {
    const size = Math.ceil((shards.length - start) / (workers - worker));
    blocks.push(shards.slice(start, start + size));
    start += size;
  }
  return blocks;
}
