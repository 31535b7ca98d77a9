import { type Sitting, step } from "../sitting.js";
import { alternate, ms, printTable } from "../table.js";

const ROUNDS = 3;

export async function trace(_: Sitting): Promise<void> {
  const { times } = await alternate(ROUNDS, { times: () => step("vgg13", 128, "trace", 2) });
  printTable("Tracing a step, once for a network and a number of images", [
    ["network, images", "both passes"],
    ["vgg13, 128", ms(times)],
  ]);
}
