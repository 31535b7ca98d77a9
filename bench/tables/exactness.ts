/**
 * What it costs that gradients are added along one fixed tree, and not in the order in which they come. The same kernel adds
 * and updates in one pass in both; beside it, the least that must follow the last gradient where each is added as it comes.
 */
import { SharedFile } from "../../src/exchange/mapping.js";
import { TrainingMemory } from "../../src/exchange/training-memory.js";
import { parametersOf } from "../../src/models/parameters.js";
import { buildModel } from "../../src/models/registry.js";
import type { OptimizerConfig } from "../../src/optim/optimizer.js";
import { layoutOf } from "../../src/parameters/layout.js";
import { ADD, additionsOf, rangeKey } from "../../src/parameters/tree.js";
import { deriveKey, permutation } from "../../src/random.js";
import type { Sitting } from "../sitting.js";
import { alternate, digits, median, ms, printTable, ratio } from "../table.js";

const SHARDS = [2, 4, 8] as const;
const ROUNDS = 30;
/** Passes in which memory is paged in and code is compiled. */
const UNSETTLED = 5;
const MOMENTUM: OptimizerConfig = {
  name: "momentum",
  momentum: 0.9,
  weightDecay: 5e-4,
  beta1: 0.9,
  beta2: 0.999,
  rho: 0.9,
  epsilon: 1e-8,
};

/** Milliseconds in which the coordinator adds and updates all of VGG13, and what that is of a step of two workers. */
export async function exactness({ runs }: Sitting): Promise<void> {
  const { stepMs } = await runs.at({ network: "vgg13", shard: 64, workers: 2 }, 0);
  const rows: string[][] = [
    [
      "VGG13, momentum, all buckets",
      "along the tree",
      "in the order of arrival",
      "ratio",
      "the last of them alone",
      `tree minus arrival, of a step of two workers (${digits(stepMs)} ms)`,
    ],
  ];
  for (const shards of SHARDS) {
    const pass = passOf(shards);
    const keys = new Set(Array.from({ length: shards }, (_, shard) => rangeKey({ start: shard, end: shard + 1 })));
    const tree = additionsOf(keys, { start: 0, end: shards })!;
    for (let round = 0; round < UNSETTLED; round++) pass(() => tree);
    const times = await alternate(ROUNDS, {
      tree: () => pass(() => tree),
      arrival: (round) => pass((bucket) => inOrder(permutation(deriveKey(1, "arrival", round, bucket), shards))),
      last: () => pass(() => [0, 1, ADD]),
    });
    const cost = (100 * (median(times.tree) - median(times.arrival))) / stepMs;
    rows.push([
      `${shards} shards`,
      ms(times.tree),
      ms(times.arrival),
      ratio(times.tree, times.arrival),
      ms(times.last),
      `${cost.toFixed(2)}%`,
    ]);
  }
  printTable("Adding along the fixed tree, against adding in the order of arrival", rows);
}

/** One pass over all buckets, in the memory of a run; `program` says how a bucket's gradients are added. */
function passOf(shards: number): (program: (bucket: number) => readonly number[]) => number {
  const layout = layoutOf(parametersOf(buildModel("vgg13", { input: [32, 32, 3], classes: 100 })));
  const contents = { layout, shards, block: 1, optimizer: MOMENTUM, undecayed: [], ema: null, compressed: false };
  const memory = new TrainingMemory(SharedFile.create(), contents, { shared: false });
  for (let shard = 0; shard < shards; shard++)
    for (const bucket of layout.buckets) memory.gradient(shard, bucket).fill(1e-3 * (shard + 1));
  let step = 0;
  return (program) => {
    step++;
    const startMs = performance.now();
    for (const { index } of layout.buckets) memory.update(index, program(index), { step, lr: 1e-3, scale: 1 });
    return performance.now() - startMs;
  };
}

/** The first two are added, then the next to their sum, and so on. */
function inOrder(shards: Iterable<number>): number[] {
  const [first, ...rest] = shards;
  return [first!, ...rest.flatMap((shard) => [shard, ADD])];
}
