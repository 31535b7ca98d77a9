import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { decodeSafetensors, type NamedTensor } from "../../src/checkpoint/safetensors.js";
import type { WrittenRecipe } from "../../src/config/recipe.js";
import { loadDataset } from "../../src/data/datasets.js";
import type { DoneEvent, EvalEvent, RunEvent } from "../../src/events.js";
import { train } from "../../src/index.js";
import { buildNetwork } from "../../src/layers/build.js";
import { initialValues } from "../../src/models/init.js";
import { parametersOf } from "../../src/models/parameters.js";
import { buildModel } from "../../src/models/registry.js";
import { weightsSha256 } from "../../src/parameters/hash.js";
import { layoutOf } from "../../src/parameters/layout.js";
import { fixturePath, readFixture } from "../support/fixtures.js";
import { temporaryDirectory } from "../support/temporary.js";
import { openTestEngine } from "../support/tensorflow.js";

/** As test/fixtures/make_training.py describes it. */
interface Training {
  recipe: Partial<WrittenRecipe> & { model: string };
  datasetSha256: string;
  initialSha256: string;
  losses: number[];
  logits: number[][];
  evaluation: { loss: number; hits: number };
}
const CASES = ["lenet5", "tiny-bn", "tiny-bn-undecayed"].map((name) => {
  const expected = readFixture<Training>(`training-${name}.json`);
  const tensors = decodeSafetensors(name, readFileSync(fixturePath(`training-${name}.safetensors`)));
  return { name, model: expected.recipe.model, expected, tensors: new Map(tensors.map((each) => [each.name, each])) };
});

function near(received: number, expected: number, what: string): void {
  assert.ok(Math.abs(received - expected) < 1e-5, `${what}: ${received}, PyTorch has ${expected}`);
}

function nearTensors(received: readonly NamedTensor[], expected: ReadonlyMap<string, NamedTensor>): void {
  assert.deepEqual(received.map(({ name }) => name).sort(), [...expected.keys()].sort());
  for (const { name, shape, data } of received) {
    const reference = expected.get(name)!;
    assert.deepEqual(shape, reference.shape, name);
    for (const [at, value] of data.entries()) near(value, reference.data[at]!, `${name}[${at}]`);
  }
}

for (const { name, expected, tensors } of CASES) {
  test(`20 steps of ${name} on two workers end where PyTorch's end`, async (context) => {
    const runDir = join(temporaryDirectory(context), "run");
    const events: RunEvent[] = [];
    for await (const event of train({ ...expected.recipe, workers: 2, runDir, metrics: false })) events.push(event);
    const losses = events.flatMap((event) => (event.event === "step" ? [event.loss] : []));
    assert.equal(losses.length, expected.losses.length);
    for (const [step, loss] of losses.entries()) near(loss, expected.losses[step]!, `loss of step ${step + 1}`);
    const evaluation = events.findLast((event): event is EvalEvent => event.event === "eval")!;
    near(evaluation.loss, expected.evaluation.loss, "test loss");
    near(evaluation.accuracy, expected.evaluation.hits / 32, "test accuracy");
    const done = events.at(-1) as DoneEvent;
    assert.equal(done.event, "done");
    nearTensors(decodeSafetensors("weights", readFileSync(join(done.checkpoint!, "weights.safetensors"))), tensors);
  });
}

test("first values and images are those that PyTorch was given", async () => {
  for (const { model, expected } of CASES) {
    const { datasetOptions, modelOptions, seed } = expected.recipe;
    const dataset = await loadDataset("synthetic", { options: datasetOptions!, cacheDir: "/nowhere" });
    assert.equal(dataset.sha256, expected.datasetSha256, "regenerate with make_training.py");
    const network = buildModel(model, { input: dataset.shape, classes: dataset.classes, options: modelOptions! });
    const layout = layoutOf(parametersOf(network));
    assert.equal(weightsSha256(layout, initialValues(layout, seed!)), expected.initialSha256, model);
  }
});

test("logits of PyTorch's weights are PyTorch's", async (context) => {
  const engine = await openTestEngine();
  context.after(() => engine.close());
  const { tf } = engine;
  for (const { model, expected, tensors } of CASES) {
    const { datasetOptions, modelOptions } = expected.recipe;
    const dataset = await loadDataset("synthetic", { options: datasetOptions!, cacheDir: "/nowhere" });
    const options = { input: dataset.shape, classes: dataset.classes, options: modelOptions! };
    const network = buildNetwork(engine, buildModel(model, options));
    for (const { name, shape } of network.parameters)
      network.variable(name).assign(tf.tensor(tensors.get(name)!.data, [...shape]));
    const pixels = new Uint8Array(4 * 28 * 28);
    dataset.test.copyImages([0, 1, 2, 3], pixels);
    const x = tf.tensor4d(
      Float32Array.from(pixels, (value) => value / 255),
      [4, 28, 28, 1],
    );
    const logits = network.forward(x, { training: false, seed: tf.tensor1d([0, 0], "int32") }).arraySync();
    for (const [image, row] of logits.entries())
      for (const [at, value] of row.entries()) near(value, expected.logits[image]![at]!, `${model}, image ${image}`);
  }
});
