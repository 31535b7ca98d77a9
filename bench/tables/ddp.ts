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

/** Steps of PyTorch's before the first that is measured; ours has WARM. */
const PEER_WARM = 4;
type Case = (typeof CASES)[number];

/** Two workers of one thread against PyTorch DDP, and each against one of its own that exchanges nothing. */
export async function ddp(sitting: Sitting): Promise<void> {
  const { python } = sitting;
  if (python === null) return printLine("ddp: not measured; CNN_DIST_BENCH_PYTHON names no Python with PyTorch");
  const steps: (readonly string[])[] = [
    ["network, images a shard, precision", "cnn-dist", "PyTorch DDP (gloo)", "cnn-dist / PyTorch DDP"],
  ];
  const speeds: (readonly string[])[] = [["images a second", "one worker", "two workers", "two / one"]];
  for (const each of CASES) {
    const { network, shard, precision } = each;
    const alone = network === "vgg13" && precision === "fp32";
    steps.push(
      await row(`${network}, ${shard}, ${precision}`, 4, async () => {
        if (!alone) return stepCells(await alternate(ROUNDS, pair(sitting.runs, python, each, 2)));
        const times = await alternate(ROUNDS, {
          ...pair(sitting.runs, python, each, 2),
          ...renamed(pair(sitting.runs, python, each, 1)),
        });
        speeds.push(...speedsOf(shard, times));
        return stepCells(times);
      }),
    );
  }
  printTable(
    `A step of two workers of one thread, momentum; cnn-dist from step ${WARM + 1} on, PyTorch from step ${PEER_WARM + 1} on (bf16: by autocast)`,
    steps,
  );
  printTable(
    `Two workers against one that has the ${availableParallelism()} cores to itself and exchanges nothing, vgg13, 64 images a shard, one thread each`,
    speeds,
  );
}

type Two = "ours" | "torch";

function stepCells({ ours, torch }: Record<Two, number[]>): string[] {
  return [ms(ours), ms(torch), ratio(ours, torch)];
}

/** Milliseconds a step. */
function pair(runs: Sitting["runs"], python: string, { network, shard, precision }: Case, workers: number) {
  const training = { network, shard, workers, ...(precision === "fp32" ? {} : { precision }) };
  const { steps } = NETWORKS[network];
  return {
    ours: async (round: number) => (await runs.at(training, round)).stepMs,
    torch: async () => Number(await peer(python, "peer_ddp.py", network, shard, workers, precision, PEER_WARM, steps)),
  };
}

function renamed({ ours, torch }: ReturnType<typeof pair>) {
  return { oursAlone: ours, torchAlone: torch };
}

function speedsOf(shard: number, times: Record<Two | `${Two}Alone`, number[]>): string[][] {
  const line = (name: string, alone: readonly number[], both: readonly number[]) => {
    const one = alone.map((stepMs) => (1000 * shard) / stepMs);
    const two = both.map((stepMs) => (2000 * shard) / stepMs);
    return [name, digits(median(one)), digits(median(two)), ratio(two, one)];
  };
  return [line("cnn-dist", times.oursAlone, times.ours), line("PyTorch", times.torchAlone, times.torch)];
}
