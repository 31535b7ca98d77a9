/**
 * Accumulated batches and the moving average of the weights: one result over every exchange, on any workers, through deaths
 * and a resume; that of one large batch, and of a run without an average; and what is used of the average.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadCheckpoint } from "../../../src/checkpoint/load.js";
import { decodeSafetensors } from "../../../src/checkpoint/safetensors.js";
import type { RunEvent } from "../../../src/events.js";
import { evaluate, exportCheckpoint } from "../../../src/index.js";
import { weightsSha256 } from "../../../src/parameters/hash.js";
import { disturbance } from "../../support/disturb.js";
import { runHere, scratch } from "../../support/runs.js";
import { tensorflowDir } from "../../support/tensorflow.js";

/** Two full steps of 64 images and a short one an epoch; moving statistics too, by batch normalisation. */
const COMMON = { optimizer: "momentum", lr: 0.05, clipGradNorm: 0.5, seed: 9, epochs: 2 } as const;
const LARGE = { ...COMMON, batchSize: 64, shards: 4 };
const ACCUMULATED = { ...COMMON, batchSize: 16, shards: 1, accumulate: 4, ema: 0.8 };

const of = <Type extends RunEvent["event"]>(events: readonly RunEvent[], type: Type) =>
  events.filter((event): event is Extract<RunEvent, { event: Type }> => event.event === type);
const stepsOf = (events: readonly RunEvent[]) =>
  of(events, "step").map(({ loss, gradient_norm, samples }) => [loss, gradient_norm, samples]);
const evaluationsOf = (events: readonly RunEvent[]) =>
  of(events, "eval").map(({ weights, loss, accuracy }) => [weights, loss, accuracy] as const);

test("one result over shared memory and frames, on one, two and three workers, through deaths and a resume", async (context) => {
  const run = (options: Parameters<typeof runHere>[2]) =>
    runHere(context, "tiny-bn", { overrides: ACCUMULATED, ...options });
  const expected = await run({ placement: { workers: 1 } });
  const { ema_sha256, weights_sha256 } = expected.done;
  assert.ok(ema_sha256 !== null && ema_sha256 !== weights_sha256);
  const check = ({ done }: typeof expected, what: string) =>
    assert.deepEqual([done.weights_sha256, done.ema_sha256], [weights_sha256, ema_sha256], what);
  for (const placement of [{ workers: 2 }, { workers: 3, exchange: "frames" }] as const) {
    let killed = false;
    const disturbed = await run({
      placement,
      // The last shard of the step, and of the two that its worker adds where there are two workers.
      ...disturbance(
        (message) => !killed && message.type === "loss" && message.step === 2 && message.shard === 3,
        (pid) => {
          killed = true;
          process.kill(pid, "SIGKILL");
        },
      ),
    });
    check(disturbed, JSON.stringify(placement));
    assert.deepEqual(stepsOf(disturbed.events), stepsOf(expected.events));
    assert.deepEqual(evaluationsOf(disturbed.events), evaluationsOf(expected.events));
    const lost = of(disturbed.events, "worker").filter(({ state }) => state === "lost");
    assert.deepEqual(
      lost.map(({ reassigned }) => reassigned),
      [placement.workers === 2 ? 2 : 1],
      "only what it had not handed over is computed again",
    );
  }
  const runDir = join(scratch(context), "run");
  await run({ placement: { workers: 2, runDir }, stopAfterStep: 4 });
  check(await run({ placement: { workers: 1, runDir }, resume: { runDir } }), "resumed");

  const large = await run({ overrides: LARGE, placement: { workers: 2 } });
  assert.deepEqual([large.done.weights_sha256, large.done.ema_sha256], [weights_sha256, null]);
  assert.deepEqual(stepsOf(large.events), stepsOf(expected.events));
  assert.deepEqual(new Set(evaluationsOf(large.events).map(([weights]) => weights)), new Set(["raw"]));
});

test("evaluate and export take the average, and --raw-weights the others", async (context) => {
  const folder = scratch(context);
  const runDir = join(folder, "run");
  const { done, events } = await runHere(context, "tiny-bn", { overrides: ACCUMULATED, placement: { runDir } });
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
