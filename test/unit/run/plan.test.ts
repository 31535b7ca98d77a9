import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { encodeSafetensors } from "../../../src/checkpoint/safetensors.js";
import type { Snapshot } from "../../../src/checkpoint/snapshot.js";
import type { Recipe, WrittenRecipe } from "../../../src/config/recipe.js";
import { recipeSha256 } from "../../../src/config/resolve.js";
import type { Start } from "../../../src/coordinator/coordinator.js";
import { UsageError } from "../../../src/errors.js";
import { readUserModelFile } from "../../../src/models/user-file.js";
import { layoutOf } from "../../../src/parameters/layout.js";
import { planEvent, prepare } from "../../../src/run/plan.js";
import { FINGERPRINT } from "../../support/fake-worker.js";
import { testRecipe } from "../../support/recipe.js";
import { temporaryDirectory } from "../../support/temporary.js";

const DATA = { height: 28, width: 28, channels: 1, classes: 10, train: 16, test: 4 };

function snapshotOf({ values, ...rest }: Start): Snapshot {
  assert.ok(values !== "from the first worker");
  return { ...rest, ...values };
}

/** Prepares a run, and lets its checkpoint of step 2 be resumed with changes of the recipe and of the checkpoint. */
async function begun(cacheDir: string, first: Partial<WrittenRecipe> = {}) {
  const prepared = await prepare(testRecipe({ datasetOptions: DATA, ...first }), { cacheDir }, null);
  const { recipe } = prepared;
  const start = snapshotOf(prepared.start);
  const slots = { m: new Float32Array(start.layout.size), v: new Float32Array(start.layout.size) };
  const saved: Snapshot = { ...start, step: 2, epoch: 1, slots };
  const resume = async (changes: Partial<Recipe> = {}, found: Partial<Snapshot> = {}) =>
    snapshotOf((await prepare({ ...recipe, ...changes }, { cacheDir }, { ...saved, ...found })).start);
  return { recipe, start, saved, resume };
}

test("a resumed run goes on from its checkpoint under the same hash", async (context) => {
  const { recipe, start, saved, resume } = await begun(temporaryDirectory(context));
  assert.equal(start.recipeSha256, recipeSha256(recipe));
  assert.deepEqual(await resume(), saved);
});

test("a run of another length has another hash", async (context) => {
  const dir = temporaryDirectory(context);
  const { recipe, saved, resume } = await begun(dir);
  const longer = await resume({ epochs: 8 });
  // Its weights are those of a run that was meant to be so long from the start.
  assert.equal(longer.recipeSha256, recipeSha256({ ...recipe, epochs: 8 }));
  assert.equal(longer.recipe.epochs, 8);
  assert.equal(longer.weights, saved.weights);
});

test("a run cannot be made shorter than what is done of it; at its end it may be resumed, and the plan says so", async (context) => {
  const { resume, recipe, saved } = await begun(temporaryDirectory(context), { epochs: 1 });
  const refused = (changes: Partial<Recipe>, found: Partial<Snapshot>, message: RegExp) =>
    assert.rejects(resume(changes, found), { code: "config", exitCode: 2, message });
  await refused(
    { epochs: null, steps: 1 },
    {},
    /^the run is at step 2 already, and --steps 1 is shorter\. Give .*2 steps/,
  );
  await refused(
    { epochs: 1 },
    { step: 3 },
    /^the run is at step 3 already, and --epochs 1 \(2 steps\) is shorter\. Give/,
  );
  await refused({ epochs: 5, steps: 3 }, { step: 4 }, /and --steps 3 is shorter/);
  assert.equal((await resume({ epochs: null, steps: 2 })).step, 2);
  const cacheDir = temporaryDirectory(context);
  const warnings = async (epochs: number) => {
    const facts = {
      devices: [],
      nodes: null,
      runDir: "/runs/a",
      prediction: null,
      resumedFrom: null,
      traced: null,
      warnings: [],
    };
    return planEvent(await prepare({ ...recipe, epochs }, { cacheDir }, { ...saved, fingerprint: FINGERPRINT }), facts)
      .warnings;
  };
  assert.deepEqual(await warnings(1), [
    "the run is at its end already, step 2: no step is left to do. Give more --steps or --epochs to make it longer",
  ]);
  assert.deepEqual(await warnings(2), []);
});

test("where the rates so far depended on the length, the hash tells of the change", async (context) => {
  const { recipe, saved, resume } = await begun(temporaryDirectory(context), { lrScheduler: "cosine" });
  const longer = await resume({ epochs: 8 });
  const whole = recipeSha256({ ...recipe, epochs: 8 });
  assert.ok(![whole, saved.recipeSha256].includes(longer.recipeSha256));
  assert.equal((await resume({ epochs: 8 })).recipeSha256, longer.recipeSha256);
  assert.notEqual((await resume({ epochs: 8 }, { step: 1 })).recipeSha256, longer.recipeSha256);
  // Before the first step nothing has depended on it yet; and resumed again, nothing changes any more.
  assert.equal((await resume({ epochs: 8 }, { step: 0 })).recipeSha256, whole);
  assert.equal((await resume({ epochs: 8 }, longer)).recipeSha256, longer.recipeSha256);
});

test("a checkpoint of another training is refused, with the difference", async (context) => {
  const { recipe, saved, resume } = await begun(temporaryDirectory(context));
  const refused = (changes: Partial<Snapshot>, message: RegExp) =>
    assert.rejects(resume({}, changes), (error: unknown) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
  await refused({ recipe: { ...recipe, seed: 8 } }, /step 2 is not one of this run: its seed is 8, the recipe's 7/);
  await refused(
    { recipe: { ...recipe, model: { kind: "table", name: "vgg11", options: {} } } },
    /its model is "vgg11", the recipe's "lenet5"/,
  );
  const { trainable } = saved.layout;
  await refused({ layout: layoutOf(trainable.slice(1)) }, /it holds .*; the model has /);
  await refused({ slots: { m: saved.slots.m! } }, /adam's v is not in its optimizer\.safetensors/);
});

test("--init-weights gives the first values; the hash of the file, not its place, is in that of the recipe", async (context) => {
  const dir = temporaryDirectory(context);
  const other = await begun(dir, { seed: 99 });
  const write = (name: string, factor: number) => {
    const { layout, weights } = other.start;
    const tensors = layout.trainable.map(({ name: parameter, shape, offset, size }) => ({
      name: parameter,
      shape,
      data: weights.slice(offset, offset + size).map((value) => value * factor),
    }));
    writeFileSync(join(dir, name), Buffer.concat(encodeSafetensors(tensors)));
    return join(dir, name);
  };
  const here = write("here.safetensors", 1);
  const { recipe, start, resume, saved } = await begun(dir, { initWeights: here });
  assert.deepEqual(start.weights, other.start.weights);
  assert.match(recipe.initWeightsSha256!, /^[0-9a-f]{64}$/);
  const there = await begun(dir, { initWeights: write("there.safetensors", 1) });
  assert.equal(there.start.recipeSha256, start.recipeSha256);
  const half = write("half.safetensors", 0.5);
  assert.notEqual((await begun(dir, { initWeights: half })).start.recipeSha256, start.recipeSha256);
  await assert.rejects(begun(dir, { initWeights: half, initWeightsSha256: recipe.initWeightsSha256 }), {
    code: "init-weights",
    exitCode: 2,
    message: /not those that this run was begun with/,
  });
  rmSync(here); // a checkpoint has weights of its own
  assert.deepEqual(await resume(), saved);
});

test("a model of one's own brings its own first values", async (context) => {
  const dir = temporaryDirectory(context);
  const model = join(dir, "own.mjs");
  writeFileSync(model, "");
  const { sha256 } = readUserModelFile(model);
  await assert.rejects(begun(dir, { model, modelSha256: sha256, initWeights: join(dir, "any.safetensors") }), {
    code: "init-weights",
    exitCode: 2,
  });
});

test("a network with a parameter that cannot travel is refused before anything is drawn or started", async (context) => {
  const cacheDir = temporaryDirectory(context);
  const data = { height: 224, width: 224, channels: 1, classes: 10, train: 16, test: 4 };
  const recipe = testRecipe({ model: "vgg11", modelOptions: { width: 2 }, datasetOptions: data });
  await assert.rejects(prepare(recipe, { cacheDir }, null), {
    code: "parameter-size",
    message: /^the parameter fc6\/kernel \[50176, 8192\] of 1,644,167,168 bytes is too large: .*, 1,073,741,824 can\./,
  });
});

test("a trace that none of the run's steps can be in is warned of", async (context) => {
  const cacheDir = temporaryDirectory(context);
  const recipe = testRecipe({ datasetOptions: DATA, epochs: null, steps: 5 });
  const warnings = async (from: number, to: number) => {
    const facts = { devices: [], nodes: null, runDir: "/runs/a", prediction: null, resumedFrom: null, warnings: [] };
    return planEvent(await prepare(recipe, { cacheDir }, null), { ...facts, traced: { from, to } }).warnings;
  };
  assert.deepEqual(await warnings(5, 9), []);
  assert.deepEqual(await warnings(6, 9), [
    "--trace-steps 6-9: this run makes steps 1 to 5, so the trace will be empty.",
  ]);
});

test("a warm-up longer than the run is warned of", async (context) => {
  const cacheDir = temporaryDirectory(context);
  const warnings = async (recipe: Partial<WrittenRecipe>) => {
    const prepared = await prepare(testRecipe({ datasetOptions: DATA, ...recipe }), { cacheDir }, null);
    const facts = {
      devices: [],
      nodes: null,
      runDir: "/runs/a",
      prediction: null,
      resumedFrom: null,
      traced: null,
      warnings: [],
    };
    return planEvent(prepared, facts).warnings;
  };
  // two steps an epoch
  assert.deepEqual(await warnings({ epochs: 2, lrWarmupEpochs: 2 }), []);
  assert.deepEqual(await warnings({ epochs: null, steps: 1, lrWarmupEpochs: 1.5 }), [
    "--lr-warmup-epochs 1.5 is 3 steps, longer than the run of 1 step: the learning rate never reaches --lr 0.05. Lower it, or train for longer.",
  ]);
});
