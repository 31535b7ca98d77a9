import { step as ourStep, peer, type Sitting } from "../sitting.js";
import { alternate, ms, printLine, printTable, ratio, row } from "../table.js";

/** Network, images, threads, precision; with one thread it is a shard of a recipe, as a worker computes it. */
const CASES = [
  ["vgg13", 128, 2, "fp32"],
  ["lenet5", 128, 2, "fp32"],
  ["lenet5", 32, 1, "fp32"],
  ["resnet18", 64, 2, "fp32"],
  ["alexnet-fashion", 64, 2, "fp32"],
  ["vgg13", 64, 1, "bf16"],
  ["resnet18", 32, 1, "bf16"],
  ["alexnet-fashion", 32, 1, "bf16"],
] as const;
const ROUNDS = 2;
/** Other tenants of a machine disturb short steps most. */
const SHORT_ROUNDS = 3;

export async function step({ python }: Sitting): Promise<void> {
  if (python === null) return printLine("step: not measured; CNN_DIST_BENCH_PYTHON names no Python with PyTorch");
  const rows: (readonly string[])[] = [
    ["network, images, threads, precision", "cnn-dist", "PyTorch, channels_last", "PyTorch / cnn-dist"],
  ];
  for (const [network, images, threads, precision] of CASES)
    rows.push(
      await row(`${network}, ${images}, ${threads}, ${precision}`, 4, async () => {
        const times = await alternate(network === "lenet5" ? SHORT_ROUNDS : ROUNDS, {
          ours: () => ourStep(network, images, "captured", threads, precision),
          torch: async () => Number(await peer(python, "peer_step.py", network, images, threads, precision)),
        });
        return [ms(times.ours), ms(times.torch), ratio(times.torch, times.ours)];
      }),
    );
  printTable("A step (forward, backward, gradients on the host) in one process", rows);
}
