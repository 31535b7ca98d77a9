import { program, type Sitting } from "../sitting.js";
import { median, ms, printLine, printTable, ratio } from "../table.js";
import type { TowerStep } from "../tower-step.js";

const ROUNDS = 2;
const IMAGES = 64;
/** A process's first steps bring in the memory that later ones use again. */
const WARM = 3;
const STEPS = 5;
const FORMS = {
  one: { devices: 1, threads: 1 },
  towers: { devices: 2, threads: 1 },
  wide: { devices: 1, threads: 2 },
} as const;
type Form = keyof typeof FORMS;
/** Two processes of one device at the same time: what two threads can do here at most, since they share a memory. */
const BESIDE = "two processes of one device of 1 thread";

async function stepOf({ devices, threads }: (typeof FORMS)[Form]): Promise<TowerStep> {
  return JSON.parse(await program("tower-step.js", IMAGES, devices, threads, WARM + STEPS)) as TowerStep;
}

const usual = ({ times }: TowerStep) => median(times.slice(WARM));

/** alexnet's two towers on two logical devices of one thread each, against one device. */
export async function towers(_: Sitting): Promise<void> {
  const times: Record<Form, number[]> = { one: [], towers: [], wide: [] };
  const beside: number[] = [];
  const bits: Record<Form, string> = { one: "", towers: "", wide: "" };
  for (let round = 0; round < ROUNDS; round++) {
    for (const form of Object.keys(FORMS) as Form[]) {
      const step = await stepOf(FORMS[form]);
      times[form].push(usual(step));
      bits[form] = step.sha256;
    }
    const both = await Promise.all([stepOf(FORMS.one), stepOf(FORMS.one)]);
    beside.push(median(both.map(usual)) / 2);
  }
  printTable(`A step of alexnet at 224x224, 1,000 classes, ${IMAGES} images`, [
    ["", "step", "against two devices of 1 thread each"],
    ["one device of 1 thread", ms(times.one), ratio(times.one, times.towers)],
    ["two devices of 1 thread each", ms(times.towers), "1"],
    ["one device of 2 threads", ms(times.wide), ratio(times.wide, times.towers)],
    [`${BESIDE}: half a step of both`, ms(beside), ratio(beside, times.towers)],
  ]);
  printLine(`The bits on one device and on two are ${bits.one === bits.towers ? "the same" : "not the same"}.`);
}
