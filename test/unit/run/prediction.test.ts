import assert from "node:assert/strict";
import { test } from "node:test";
import type { WrittenRecipe } from "../../../src/config/recipe.js";
import type { AssignedDevice } from "../../../src/engine/gpus.js";
import { prepare } from "../../../src/run/plan.js";
import { type Placed, predictRun } from "../../../src/run/prediction.js";
import { testRecipe } from "../../support/recipe.js";
import { temporaryDirectory } from "../../support/temporary.js";

const DATA = { height: 28, width: 28, channels: 1, classes: 10, train: 64, test: 4 };
const cpu: AssignedDevice = { kind: "cpu", name: "cpu", count: 1, env: {} };
const TWO: Placed = { devices: [cpu, cpu], nodes: 1, remote: false, exchange: "shared-memory" };

const prepared = (cacheDir: string, changes: Partial<WrittenRecipe> = {}) =>
  prepare(testRecipe({ datasetOptions: DATA, batchSize: 64, shards: 2, ...changes }), { cacheDir }, null);

test("a run of a network in the tables is predicted whole", async (context) => {
  const run = await prepared(temporaryDirectory(context));
  const facts = predictRun(run, TWO)!;
  assert.equal(facts.exchanged_bytes, run.parameters! * 4);
  assert.equal(facts.exchange, "shared-memory");
  const { step_seconds: step, compute_seconds: compute, exchange_seconds: beside, efficiency } = facts;
  assert.ok(Math.abs(step! - (compute! + beside)) < 1e-9, "computing and the rest make the step");
  assert.ok(Math.abs(efficiency! - compute! / step!) < 1e-9, "two workers, a shard each");
});

test("four shards of two workers compute twice as long as two; bf16 computes for less", async (context) => {
  const dir = temporaryDirectory(context);
  const compute = async (changes: Partial<WrittenRecipe>) =>
    predictRun(await prepared(dir, changes), TWO)!.compute_seconds!;
  const two = await compute({ batchSize: 32 });
  assert.ok(Math.abs((await compute({ shards: 4 })) / two - 2) < 1e-6);
  assert.ok((await compute({ batchSize: 32, precision: "bf16" })) < two);
});

test("of GPUs and of other hosts, the rate of computing is not guessed", async (context) => {
  const run = await prepared(temporaryDirectory(context));
  const gpu: AssignedDevice = { ...cpu, kind: "gpu" };
  for (const where of [
    { ...TWO, devices: [gpu, gpu] },
    { ...TWO, remote: true, exchange: "frames" as const },
  ]) {
    const facts = predictRun(run, where)!;
    const { step_seconds, compute_seconds, efficiency, exchange_seconds, enough_compute_seconds } = facts;
    assert.deepEqual([step_seconds, compute_seconds, efficiency], [null, null, null]);
    assert.ok(exchange_seconds > 0 && enough_compute_seconds! > 0);
  }
});

test("with other nodes a worker has less to compute, and what crosses the network is beside it", async (context) => {
  const run = await prepared(temporaryDirectory(context), { shards: 8 });
  const [one, two, three] = [1, 2, 3].map((nodes) => predictRun(run, { ...TWO, nodes })!);
  assert.equal(one!.link_bytes_per_second, null);
  assert.equal(two!.link_bytes_per_second, 1.25e9);
  assert.ok(Math.abs(two!.compute_seconds! / one!.compute_seconds! - 0.5) < 1e-9);
  assert.ok(
    Math.abs(three!.compute_seconds! / one!.compute_seconds! - 0.5) < 1e-9,
    "two shards of eight for some of six",
  );
  assert.ok(three!.exchange_seconds > (2 * three!.exchanged_bytes) / 1.25e9);
});
