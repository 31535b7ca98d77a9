/** How many nodes one coordinator carries, by the costs that were fitted. Pure. */
import { type Bounds, boundsOf, type Crossing, type NodeCosts, slicedBoundsOf } from "../../src/prediction/nodes.js";
import { IO_THREADS } from "../../src/transport/admission.js";

/** Gbit/s in each direction. */
export const LINKS = [1, 10, 100] as const;
/** Nodes beside the first that a run may have: --nodes goes up to 1024. */
const MOST_NODES = 1023;

/** What takes longest, and for how many seconds of each step. */
export interface Limit {
  seconds: number;
  by: keyof Bounds;
}

/** `sliced`: of an exchange that nobody has built, in which each machine has its share of the buckets. */
export interface Case {
  parameterBytes: number;
  buckets: number;
  gigabits: number;
  costs: NodeCosts;
  sliced: boolean;
}

export function limitOf(nodes: number, { parameterBytes, buckets, gigabits, costs, sliced }: Case): Limit {
  const crossing: Crossing = {
    nodes,
    workers: WORKERS,
    sums: nodes,
    parameterBytes,
    buckets,
    socketThreads: IO_THREADS,
  };
  const bounds = (sliced ? slicedBoundsOf : boundsOf)(crossing, costs, {
    linkBytesPerSecond: (gigabits * 1e9) / 8,
    slower: 1,
  });
  const [by, seconds] = (Object.entries(bounds) as [keyof Bounds, number][]).reduce((most, each) =>
    each[1] > most[1] ? each : most,
  );
  return { by, seconds };
}

/** A common machine. */
const WORKERS = 8;

/** The most nodes beside the first whose exchange takes no longer than so many seconds a step; 0: not even one. */
export function mostNodes(seconds: number, given: Case): number {
  let [carried, over] = [0, MOST_NODES + 1];
  while (over - carried > 1) {
    const middle = (carried + over) >> 1;
    if (limitOf(middle, given).seconds <= seconds) carried = middle;
    else over = middle;
  }
  return carried;
}
