import { parametersOf } from "../../src/models/parameters.js";
import { buildModel } from "../../src/models/registry.js";
import { layoutOf } from "../../src/parameters/layout.js";
import { total, WORKS } from "../cpu.js";
import { type Sitting, step } from "../sitting.js";
import { alternate, digits, ms, printTable, ratio, row } from "../table.js";
import type { Measured, Training } from "../training.js";
import { twoCopiesMs } from "../two-copies.js";

const ROUNDS = 2;
const VGG13 = { network: "vgg13", shard: 64 } as const;
const RESNET18 = { network: "resnet18", shard: 32 } as const;

/** What a run adds to computing: time, and CPU time of all processes. */
export async function overhead({ runs }: Sitting): Promise<void> {
  const parameterBytes = layoutOf(parametersOf(buildModel("vgg13", { input: [32, 32, 3], classes: 100 }))).size * 4;
  const copies = await alternate(ROUNDS, { twice: () => twoCopiesMs(parameterBytes) });
  const size = `${(parameterBytes / 1e6).toFixed(0)} MB`;
  const against = async (label: string, unit: string, figures: () => Promise<number[]>) =>
    row(label, 4, async () => {
      const list = await figures();
      return [ms(list), `${unit}: ${ms(copies.twice)}`, ratio(list, copies.twice)];
    });
  const all = (training: Training, figure: (measured: Measured) => number) => async () =>
    (await alternate(ROUNDS, { it: async (round) => figure(await runs.at(training, round)) })).it;
  const two = `two plain copies of ${size}`;

  const rows = [
    ["vgg13, 64 images a shard, workers of one thread", "a step", "against", "ratio"],
    await against(
      "one worker, one shard, momentum: step minus its compute thread's CPU time",
      two,
      all({ ...VGG13, workers: 1 }, ({ stepMs, workers }) => stepMs - workers[0]!.compute),
    ),
    await against(
      "two workers, momentum: the coordinator's CPU time",
      two,
      all({ ...VGG13, workers: 2 }, ({ coordinator }) => total(coordinator)),
    ),
    await against(
      "two workers, adam: the coordinator's CPU time",
      two,
      all({ ...VGG13, workers: 2, optimizer: "adam" }, ({ coordinator }) => total(coordinator)),
    ),
    await row("two workers, momentum: CPU time of all processes outside TensorFlow's compute threads", 4, async () => [
      ms(await all({ ...VGG13, workers: 2 }, outside)()),
      "",
      "",
    ]),
    ...(await computeRows([VGG13, RESNET18], runs)),
  ];
  printTable("What a run adds to computing", rows);
  await printThreads(await runs.at({ ...VGG13, workers: 2 }, 0));
}

/** The compute thread inside a run against the same step by itself. */
async function computeRows(cases: readonly Omit<Training, "workers">[], runs: Sitting["runs"]) {
  const rows: (readonly string[])[] = [];
  for (const { network, shard } of cases)
    rows.push(
      await row(`${network}, ${shard} images a shard, two workers: a compute thread's CPU time`, 4, async () => {
        const times = await alternate(ROUNDS, {
          inside: async (round) => {
            const { workers } = await runs.at({ network, shard, workers: 2 }, round);
            return workers.reduce((sum, { compute }) => sum + compute, 0) / workers.length;
          },
          alone: () => step(network, shard, "captured", 1),
        });
        return [ms(times.inside), `bench/step, alone: ${ms(times.alone)}`, ratio(times.inside, times.alone)];
      }),
    );
  return rows;
}

async function printThreads({ coordinator, workers }: Measured): Promise<void> {
  const cells = (name: string, times: Measured["coordinator"]) => [name, ...WORKS.map((work) => digits(times[work]))];
  printTable("CPU milliseconds a step by thread, vgg13, 64 images a shard, two workers of one thread, momentum", [
    ["", "TensorFlow's compute", "Node's main", "V8's helpers and libuv's pool", "ZeroMQ", "other"],
    cells("coordinator", coordinator),
    ...workers.map((times, rank) => cells(`worker ${rank}`, times)),
  ]);
}

function outside({ coordinator, workers }: Measured): number {
  return [coordinator, ...workers].reduce((sum, times) => sum + total(times) - times.compute, 0);
}
