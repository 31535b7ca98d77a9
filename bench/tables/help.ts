import { join } from "node:path";
import { execute, ROOT, type Sitting } from "../sitting.js";
import { alternate, ms, printTable } from "../table.js";

const ROUNDS = 11;

export async function help(_: Sitting): Promise<void> {
  const timed = (words: readonly string[]) => async () => {
    const start = performance.now();
    await execute(process.execPath, words);
    return performance.now() - start;
  };
  const times = await alternate(ROUNDS, {
    ours: timed([join(ROOT, "bin", "cnn-dist.js"), "--help"]),
    bare: timed(["-e", "0"]),
  });
  printTable("The first words of the command line", [
    ["", "time"],
    ["cnn-dist --help", ms(times.ours)],
    ["Node by itself", ms(times.bare)],
  ]);
}
