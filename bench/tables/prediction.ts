import type { Sitting } from "../sitting.js";
import { digits, ms, printTable, row } from "../table.js";
import { predict, type Training } from "../training.js";

const CASES: readonly Training[] = [
  { network: "vgg13", shard: 64, workers: 1 },
  { network: "vgg13", shard: 64, workers: 2 },
  { network: "vgg13", shard: 64, workers: 2, exchange: "frames" },
  { network: "resnet18", shard: 32, workers: 2 },
  { network: "lenet5", shard: 128, workers: 2 },
];

/** What `launch --dry-run` says against what a run then takes. */
export async function prediction({ runs }: Sitting): Promise<void> {
  const rows: (readonly string[])[] = [
    [
      "network, images a shard, workers of one thread",
      "predicted step, and efficiency",
      "measured step",
      "predicted / measured",
    ],
  ];
  for (const training of CASES) {
    const { network, shard, workers, exchange } = training;
    const label = `${network}, ${shard}, ${workers}${exchange === undefined ? "" : `, ${exchange}`}`;
    rows.push(
      await row(label, 4, async () => {
        const { step_seconds: seconds, efficiency } = await predict(training);
        const { stepMs } = await runs.at(training, 0);
        const predicted = seconds! * 1e3;
        const words = `${digits(predicted)} ms, ${(efficiency! * 100).toFixed(0)}%`;
        return [words, ms([stepMs]), (predicted / stepMs).toFixed(2)];
      }),
    );
  }
  printTable("What launch --dry-run predicts, against runs", rows);
}
