import { bytes } from "../../src/format.js";
import type { Sitting } from "../sitting.js";
import { alternate, digits, median, ms, printTable, row } from "../table.js";
import type { Measured, Training } from "../training.js";

const ROUNDS = 3;
const EVERY = 50;
/** Three checkpoints, the last of which begins early enough to be written within what is measured. */
const STEPS = 160;
const CASES: readonly Training[] = [
  { network: "vgg13", workers: 2, shard: 16, steps: STEPS },
  { network: "vgg13", workers: 2, shard: 16, steps: STEPS, optimizer: "adam" },
];

/** What writing checkpoints takes of a training's time: the same training with and without them, one after the other. */
export async function checkpoint({ runs }: Sitting): Promise<void> {
  const rows: (readonly string[])[] = [
    ["", "a checkpoint", "written in", `${STEPS} steps without`, "with", "longer by"],
  ];
  for (const training of CASES) {
    const { network, shard, workers, optimizer = "momentum" } = training;
    rows.push(
      await row(`${network}, ${shard} images a shard, ${workers} workers, ${optimizer}`, 6, async () => {
        const written: Measured["checkpoints"] = [];
        const times = await alternate(ROUNDS, {
          without: async (round) => (await runs.at(training, round)).wholeMs,
          with: async (round) => {
            const { wholeMs, checkpoints } = await runs.at({ ...training, checkpointEvery: EVERY }, round);
            written.push(...checkpoints);
            return wholeMs;
          },
        });
        if (written.length < ROUNDS)
          throw new Error(`only ${written.length} checkpoints were written while it was measured`);
        return [
          bytes(written[0]!.bytes),
          ms(written.map((each) => each.ms)),
          ms(times.without),
          ms(times.with),
          longerBy(times),
        ];
      }),
    );
  }
  printTable(`What a checkpoint every ${EVERY} steps adds to a training`, rows);
}

/** Of the medians, in percent; in brackets the least and the most of a pair. */
function longerBy(times: { without: readonly number[]; with: readonly number[] }): string {
  const percent = (longer: number, short: number) => 100 * (longer / short - 1);
  const pairs = times.with.map((value, index) => percent(value, times.without[index]!));
  const whole = percent(median(times.with), median(times.without));
  return `${digits(whole)}% (${digits(Math.min(...pairs))}% to ${digits(Math.max(...pairs))}%)`;
}
