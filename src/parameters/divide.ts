/** Which worker computes which shards. */

/**
 * Cuts blocks of shards, in ascending order, into one run of them a worker, nearly equal, the longer ones first; workers
 * beyond the number of blocks get none. Runs hold whole nodes of the reduction tree, so few sums travel.
 */
export function divide<Block>(blocks: readonly Block[], workers: number): Block[][] {
  const runs: Block[][] = [];
  let start = 0;
  for (let worker = 0; worker < workers; worker++) {
    const size = Math.ceil((blocks.length - start) / (workers - worker));
    runs.push(blocks.slice(start, start + size));
    start += size;
  }
  return runs;
}
