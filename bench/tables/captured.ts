import { type Sitting, step } from "../sitting.js";
import { alternate, ms, printTable, ratio, row } from "../table.js";

const ROUNDS = 2;
const CASES = [
  ["vgg13", 128],
  ["lenet5", 128],
] as const;

export async function captured(_: Sitting): Promise<void> {
  const rows: (readonly string[])[] = [["network, images", "captured", "op by op", "op by op / captured"]];
  for (const [network, images] of CASES)
    rows.push(
      await row(`${network}, ${images}`, 4, async () => {
        const times = await alternate(ROUNDS, {
          captured: () => step(network, images, "captured", 2),
          eager: () => step(network, images, "eager", 2),
        });
        return [ms(times.captured), ms(times.eager), ratio(times.eager, times.captured)];
      }),
    );
  printTable("A captured step against the same step op by op (one process of 2 threads)", rows);
}
