/** A run whose folder is taken over while it trains. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LOCK_BEAT_MS } from "../../../src/config/time-limits.js";
import { start } from "../../support/cli.js";
import { temporaryDirectory } from "../../support/temporary.js";
import { tensorflowDir } from "../../support/tensorflow.js";

const WORDS =
  "launch --device cpu --gpus 1 --model lenet5 --dataset synthetic --epochs 1000000 --heartbeat-timeout 60 --run-dir run --json";
/** What its end would add: the failure, and how its workers went. */
const END = /"level":"error"|"state":"stopped"|error: |: stopped|its process ended/;

test("it ends with lock-lost, and of its end nothing is written there", { timeout: 120_000 }, async (context) => {
  const cwd = temporaryDirectory(context);
  const run = start(WORDS.split(" "), { cwd, env: { CNN_DIST_TENSORFLOW: await tensorflowDir() } });
  context.after(() => run.child.kill("SIGKILL"));
  await run.said('"event":"step"');
  writeFileSync(join(cwd, "run", "lock"), "another's");
  // Until it looks at its lock, it need not train.
  const worker = Number(/"state":"working","pid":(\d+)/.exec(run.output.stdout)![1]);
  process.kill(worker, "SIGSTOP");
  await sleep(LOCK_BEAT_MS);
  process.kill(worker, "SIGCONT");
  const { code, stdout, stderr } = await run.ended;
  assert.equal(code, 1, stderr);
  assert.match(stderr, /run\/lock is not this run's any more/);
  assert.match(stdout, END, "its caller is told");
  for (const name of ["metrics.jsonl", "logs/coordinator.log"])
    assert.doesNotMatch(readFileSync(join(cwd, "run", name), "utf8"), END, name);
  assert.equal(readFileSync(join(cwd, "run", "lock"), "utf8"), "another's");
});
