/** How soon the table of 1,000 runs of 2,000 steps is there, and how soon a shell has its words. */
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recordedEvents, recordRun } from "../../test/support/recorded-runs.js";
import { execute, ROOT, type Sitting } from "../sitting.js";
import { alternate, ms, printTable } from "../table.js";

const RUNS = 1000;
const STEPS = 2000;
const ROUNDS = 7;
const CLI = join(ROOT, "bin", "cnn-dist.js");

export async function runs(_: Sitting): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "cnn-dist-bench-runs-"));
  try {
    for (let run = 0; run < RUNS; run++)
      recordRun(join(dir, `run-${run}`), { steps: STEPS, stepsPerEpoch: 100, since: 1.7e9 + 1000 * run });
    const env = { ...process.env, CNN_DIST_CACHE: join(dir, ".cache") };
    const timed = (words: readonly string[]) => async () => {
      const start = performance.now();
      await execute(process.execPath, [CLI, ...words], { env, maxBuffer: 2 ** 26 });
      return performance.now() - start;
    };
    const first = await timed(["runs", dir, "--json"])();
    const more = recordedEvents(dir, { steps: STEPS }).map((event) => `${JSON.stringify(event)}\n`);
    const script = join(dir, "completion.bash");
    writeFileSync(script, spawnSync(process.execPath, [CLI, "completion", "bash"]).stdout);
    const line = `source ${script}; COMP_WORDS=(cnn-dist launch --model vgg1); COMP_CWORD=3; _cnn_dist`;
    const times = await alternate(ROUNDS, {
      again: timed(["runs", dir, "--json"]),
      grown: async () => {
        appendFileSync(join(dir, "run-7", "metrics.jsonl"), more.slice(1, 50).join(""));
        return await timed(["runs", dir, "--json"])();
      },
      script: timed(["completion", "bash"]),
      completed: async () => {
        const start = performance.now();
        await execute("bash", ["--norc", "-c", line]);
        return performance.now() - start;
      },
    });
    printTable(`A list of ${RUNS} runs of ${STEPS} steps, and a shell's words`, [
      ["", "time"],
      ["cnn-dist runs, the first time", ms([first])],
      ["again", ms(times.again)],
      ["again, where one has gone on", ms(times.grown)],
      ["cnn-dist completion bash", ms(times.script)],
      ["bash: start, read the script and complete once", ms(times.completed)],
    ]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
