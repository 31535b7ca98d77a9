import { step as ourStep, peer, type Sitting } from "../sitting.js";
import { alternate, ms, printLine, printTable, ratio, row } from "../table.js";

/** Network, images, threads; the last but two is a shard of its recipe, as a worker computes it. */
const CASES = [
  ["vgg13", 128, 2],
  ["lenet5", 128, 2],
  ["lenet5", 32, 1],
  ["resnet18", 64, 2],
  ["alexnet-fashion", 64, 2],
] as const;
const ROUNDS = 2;
/** Other tenants of a machine disturb short steps most. */
const SHORT_ROUNDS = 5;

export async function step({ python }: Sitting): Promise<void> {
  if (python === null) return printLine("step: not measured; CNN_DIST_BENCH_PYTHON names no Python with PyTorch");
  const rows: (readonly string[])[] = [
    ["network, images, threads", "cnn-dist", "PyTorch, channels_last", "PyTorch / cnn-dist"],
  ];
  for (const [network, images, threads] of CASES)
    rows.push(
      await row(`${network}, ${images}, ${threads}`, 4, async () => {
        const times = await alternate(network === "lenet5" ? SHORT_ROUNDS : ROUNDS, {
          ours: () => ourStep(network, images, "captured", threads),
          torch: async () => Number(await peer(python, "peer_step.py", network, images, threads)),
        });
        return [ms(times.ours), ms(times.torch), ratio(times.torch, times.ours)];
      }),
    );
  printTable("A step (forward, backward, gradients on the host) in one process", rows);
}
