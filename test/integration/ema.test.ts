/** The moving average of the weights: one result on any workers, through a death and a resume; and what is used of it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { decodeSafetensors } from "../../src/checkpoint/safetensors.js";
import { loadCheckpoint } from "../../src/checkpoint/store.js";
import type { RunEvent } from "../../src/events.js";
import { evaluate, exportCheckpoint } from "../../src/index.js";
import { weightsSha256 } from "../../src/parameters/hash.js";
import { disturbance } from "../support/disturb.js";
import { runHere, scratch } from "../support/runs.js";
import { tensorflowDir } from "../support/tensorflow.js";

/** Two full batches and a short one an epoch; moving statistics too, by batch normalisation. */
const RECIPE = {
  optimizer: "momentum",
  lr: 0.05,
  batchSize: 32,
  shards: 2,
  accumulate: 2,
  seed: 9,
  epochs: 2,
} as const;
const AVERAGED = { ...RECIPE, ema: 0.8 };

const evaluationsOf = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.event === "eval" ? [[event.weights, event.loss, event.accuracy]] : []));

test("one average over shared memory and frames, on one, two and three workers, through a death and a resume", async (context) => {
  const runDir = join(scratch(context), "run");
  const expected = await runHere(context, "tiny-bn", { overrides: AVERAGED, placement: { workers: 1 } });
  const { ema_sha256, weights_sha256 } = expected.done;
  assert.ok(ema_sha256 !== null && ema_sha256 !== weights_sha256);
  const check = ({ done, events }: typeof expected, what: string) => {
    assert.deepEqual([done.weights_sha256, done.ema_sha256], [weights_sha256, ema_sha256], what);
    if (what !== "resumed") assert.deepEqual(evaluationsOf(events), evaluationsOf(expected.events), what);
  };
  const placement = { workers: 3, exchange: "frames" } as const;
  check(await runHere(context, "tiny-bn", { overrides: AVERAGED, placement }), "frames");
  let killed = false;
  const disturbed = await runHere(context, "tiny-bn", {
    overrides: AVERAGED,
    placement: { workers: 2 },
    ...disturbance(
      (message) => !killed && message.type === "bucket" && message.step === 3 && message.rank === 1,
      (pid) => {
        killed = true;
        process.kill(pid, "SIGKILL");
      },
    ),
  });
  check(disturbed, "killed");
  const overrides = AVERAGED;
  await runHere(context, "tiny-bn", { overrides, placement: { workers: 2, runDir }, stopAfterStep: 4 });
  const resumed = await runHere(context, "tiny-bn", {
    overrides,
    placement: { workers: 1, runDir },
    resume: { runDir },
  });
  check(resumed, "resumed");
  const plain = await runHere(context, "tiny-bn", { overrides: RECIPE });
  assert.deepEqual([plain.done.weights_sha256, plain.done.ema_sha256], [weights_sha256, null]);
  assert.deepEqual(new Set(evaluationsOf(plain.events).map(([weights]) => weights)), new Set(["raw"]));
});

test("evaluate and export take the average, and --raw-weights the others", async (context) => {
  const folder = scratch(context);
  const runDir = join(folder, "run");
  const { done, events } = await runHere(context, "tiny-bn", { overrides: AVERAGED, placement: { runDir } });
  const [weights, loss, accuracy] = evaluationsOf(events).at(-1)!;
  assert.equal(weights, "ema");
  process.env.CNN_DIST_TENSORFLOW = await tensorflowDir();
  const averaged = await evaluate(runDir, { device: "cpu", threads: 1 });
  assert.deepEqual([averaged.weights, averaged.accuracy], ["ema", accuracy]);
  assert.ok(Math.abs(averaged.loss - (loss as number)) < 1e-5, `${averaged.loss} against ${loss}`);
  const raw = await evaluate(runDir, { device: "cpu", threads: 1, rawWeights: true });
  assert.equal(raw.weights, "raw");
  assert.ok(Math.abs(raw.loss - averaged.loss) > 1e-4, `${raw.loss} against ${averaged.loss}`);

  const snapshot = await loadCheckpoint(done.checkpoint!);
  assert.equal(weightsSha256(snapshot.layout, snapshot), done.weights_sha256);
  assert.equal(weightsSha256(snapshot.layout, snapshot.ema!), done.ema_sha256);
  for (const [rawWeights, file] of [
    [false, "ema.safetensors"],
    [true, "weights.safetensors"],
  ] as const) {
    const output = join(folder, file);
    const exported = await exportCheckpoint(runDir, { format: "safetensors", output, rawWeights });
    assert.equal(exported.weights, rawWeights ? "raw" : "ema");
    const tensors = (path: string) => decodeSafetensors(path, readFileSync(path));
    assert.deepEqual(tensors(output), tensors(join(done.checkpoint!, file)));
  }
});
