import { figure, type Sitting } from "../sitting.js";
import { alternate, ms, printTable, ratio, row } from "../table.js";

const ROUNDS = 2;

export async function data(_: Sitting): Promise<void> {
  const measure = (mode: "repeated" | "loaded" | "augmented", images: number) => () =>
    figure("data.js", mode, images, 1);
  const rows: (readonly string[])[] = [
    ["images", "the same batch repeated", "Fashion-MNIST", "share of the speed", "with crops and flips"],
  ];
  for (const images of [32, 128])
    rows.push(
      await row(`${images}`, 5, async () => {
        const { repeated, loaded, augmented } = await alternate(ROUNDS, {
          repeated: measure("repeated", images),
          loaded: measure("loaded", images),
          augmented: measure("augmented", images),
        });
        return [ms(repeated), ms(loaded), ratio(repeated, loaded), ms(augmented)];
      }),
    );
  printTable("LeNet-5 steps (one process of 1 thread) on Fashion-MNIST against the same batch repeated", rows);
}
