import { availableParallelism } from "node:os";
import { peer, type Sitting } from "../sitting.js";
import { alternate, digits, median, ms, printLine, printTable, ratio, row } from "../table.js";
import { NETWORKS, type Training, WARM } from "../training.js";

const ROUNDS = 2;
const CASES = [
  { network: "vgg13", shard: 64, precision: "fp32" },
  { network: "resnet18", shard: 32, precision: "fp32" },
  { network: "alexnet-fashion", shard: 32, precision: "fp32" },
  { network: "lenet5", shard: 128, precision: "fp32" },
  { network: "vgg13", shard: 64, precision: "bf16" },
  { network: "resnet18", shard: 32, precision: "bf16" },
  { network: "alexnet-fashion", shard: 32, precision: "bf16" },
] as const satisfies readonly Omit<Training, "workers">[];

/** Two workers of one thread against PyTorch DDP, and each against one of its own that exchanges nothing. */
export async function ddp({ python, runs }: Sitting): Promise<void> {
  if (python === null) return printLine("ddp: not measured; CNN_DIST_BENCH_PYTHON names no Python with PyTorch");
  const torch = async (processes: number, { network, shard, precision = "fp32" }: Omit<Training, "workers">) =>
    Number(await peer(python, "peer_ddp.py", network, shard, processes, precision, WARM, NETWORKS[network].steps));
  const steps: (readonly string[])[] = [
    ["network, images a shard, precision", "cnn-dist", "PyTorch DDP (gloo)", "cnn-dist / PyTorch DDP"],
  ];
  for (const { network, shard, precision } of CASES)
    steps.push(
      await row(`${network}, ${shard}, ${precision}`, 4, async () => {
        const of = { network, shard, ...(precision === "fp32" ? {} : { precision }) } as const;
        const times = await alternate(ROUNDS, {
          ours: async (round) => (await runs.at({ ...of, workers: 2 }, round)).stepMs,
          torch: () => torch(2, of),
        });
        return [ms(times.ours), ms(times.torch), ratio(times.ours, times.torch)];
      }),
    );
  printTable(
    `A step of two workers of one thread, momentum, from step ${WARM + 1} on (bf16: PyTorch's autocast)`,
    steps,
  );

  const scaling: (readonly string[])[] = [["images a second", "one worker", "two workers", "two / one"]];
  const of = { network: "vgg13", shard: 64 } as const;
  const speeds = (workers: number, stepMs: number) => (workers * of.shard * 1000) / stepMs;
  const measured = await alternate(ROUNDS, {
    ourOne: async (round) => speeds(1, (await runs.at({ ...of, workers: 1 }, round)).stepMs),
    ourTwo: async (round) => speeds(2, (await runs.at({ ...of, workers: 2 }, round)).stepMs),
    theirOne: async () => speeds(1, await torch(1, of)),
    theirTwo: async () => speeds(2, await torch(2, of)),
  });
  const line = (name: string, one: readonly number[], two: readonly number[]) => [
    name,
    digits(median(one)),
    digits(median(two)),
    ratio(two, one),
  ];
  scaling.push(line("cnn-dist", measured.ourOne, measured.ourTwo));
  scaling.push(line("PyTorch", measured.theirOne, measured.theirTwo));
  printTable(
    `Two workers against one that has the ${availableParallelism()} cores to itself and exchanges nothing, vgg13, ${of.shard} images a shard, one thread each`,
    scaling,
  );
}
