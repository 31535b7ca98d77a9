import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { figure, peer, type Sitting } from "../sitting.js";
import { alternate, median, printLine, printTable, ratio } from "../table.js";

const ROUNDS = 3;

export async function decode({ tensorflowPython }: Sitting): Promise<void> {
  if (tensorflowPython === null)
    return printLine("decode: not measured; CNN_DIST_BENCH_TENSORFLOW_PYTHON names no Python with TensorFlow");
  const scratch = mkdtempSync(join(tmpdir(), "cnn-dist-bench-"));
  const theirs = (...words: readonly (string | number)[]) => peer(tensorflowPython, "peer_decode.py", ...words);
  try {
    await theirs("make", scratch, 2560);
    const rates = await alternate(ROUNDS, {
      ours: () => figure("decode.js", scratch, 3),
      peer: async () => Number(await theirs("measure", scratch, 3)),
    });
    printTable("256x256 JPEGs decoded, images a second, all cores", [
      ["cnn-dist", "TensorFlow's Python pipeline", "cnn-dist / TensorFlow"],
      [median(rates.ours).toFixed(0), median(rates.peer).toFixed(0), ratio(rates.ours, rates.peer)],
    ]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
