import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Engine } from "../../../src/engine/engine.js";
import { classifierOf } from "../../../src/evaluation/classifier.js";
import type { Scores } from "../../../src/evaluation/scores.js";
import type { EvalEvent } from "../../../src/events.js";
import { denseForm } from "../../../src/models/dense-form.js";
import { initialValues } from "../../../src/models/init.js";
import { parametersOf } from "../../../src/models/parameters.js";
import type { ImageShape, LayerSpec, ModelSpec } from "../../../src/models/spec.js";
import { layoutOf } from "../../../src/parameters/layout.js";
import { fixturePath } from "../../support/fixtures.js";
import { cli, runHere, SMALL_DATA, scratch } from "../../support/runs.js";
import { openTestEngine } from "../../support/tensorflow.js";

let engine: Engine;
before(async () => {
  engine = await openTestEngine();
});
after(() => engine.close());

const dense = (name: string, units: number, activation?: "relu"): LayerSpec => ({
  kind: "dense",
  name,
  units,
  bias: true,
  biasInit: { kind: "constant", value: 0.1 },
  ...(activation ? { activation } : {}),
});
/** VGG's form at a small width: maps of 4x4 are flattened. */
const small = (input: ImageShape): ModelSpec => ({
  name: "small-vgg",
  source: "this test",
  input,
  classes: 7,
  layers: [
    { kind: "conv2d", name: "conv", filters: 6, kernel: 3, padding: "same", bias: true, activation: "relu" },
    { kind: "maxPool", name: "pool", size: 2, stride: 2, padding: "valid" },
    { kind: "flatten", name: "flatten" },
    dense("fc6", 12, "relu"),
    { kind: "dropout", name: "drop6", rate: 0.5 },
    dense("fc7", 9, "relu"),
    dense("fc8", 7),
  ],
  output: "fc8",
});
const images = (count: number, [height, width, channels]: ImageShape) =>
  Uint8Array.from({ length: count * height * width * channels }, (_, index) => (index * 7919) % 256);
const largestDifference = (a: Float64Array, b: Float64Array) =>
  a.reduce((largest, value, index) => Math.max(largest, Math.abs(value - b[index]!)), 0);

test("the dense form gives an image of the network's own size the same scores to 1e-5", async () => {
  const spec = small([8, 8, 3]);
  const layout = layoutOf(parametersOf(spec));
  const weights = { layout, ...initialValues(layout, 3) };
  const pixels = images(5, spec.input);
  const plain = await classifierOf(engine, spec, weights).classify(pixels);
  const densely = await classifierOf(engine, denseForm(spec, spec.input), weights).classify(pixels);
  assert.ok(Math.max(...plain) - Math.min(...plain) > 0.05, "the scores are of some size");
  assert.ok(largestDifference(plain, densely) < 1e-5);
});

test("on a larger image the dense form is the mean of the network's logits at every place", async () => {
  const spec = small([8, 8, 1]);
  const layout = layoutOf(parametersOf(spec));
  // Without padding effects at the borders: a 1x1 convolution in place of the 3x3.
  const layers = spec.layers.map((layer) => (layer.kind === "conv2d" ? { ...layer, kernel: 1 } : layer));
  const narrow = { ...spec, layers };
  const narrowLayout = layoutOf(parametersOf(narrow));
  assert.notEqual(narrowLayout.size, layout.size);
  const weights = { layout: narrowLayout, ...initialValues(narrowLayout, 5) };
  const large = images(1, [10, 12, 1]);
  const densely = await classifierOf(engine, denseForm(narrow, [10, 12, 1]), weights).classify(large);
  const places = [0, 2].flatMap((top) => [0, 2, 4].map((left) => ({ top, left })));
  const crops = Uint8Array.from(
    places.flatMap(({ top, left }) =>
      Array.from({ length: 64 }, (_, at) => large[(top + Math.floor(at / 8)) * 12 + left + (at % 8)]!),
    ),
  );
  const each = await classifierOf(engine, narrow, weights).classify(crops);
  // Log-probabilities are logits but for a constant an image: compare differences to the first class.
  const means = Array.from(
    { length: 7 },
    (_, cls) =>
      places.reduce((sum, _place, place) => sum + each[place * 7 + cls]! - each[place * 7]!, 0) / places.length,
  );
  const found = Array.from(densely, (value) => value - densely[0]!);
  assert.ok(largestDifference(Float64Array.from(means), Float64Array.from(found)) < 1e-5);
});

test("evaluate gives what the run's own evaluation gave, by text and as JSON; ten crops need larger images", async (context) => {
  const runDir = join(scratch(context), "run");
  const { events } = await runHere(context, "lenet5", { overrides: { steps: 6 }, placement: { runDir, workers: 2 } });
  const { loss, accuracy } = events.findLast((event): event is EvalEvent => event.event === "eval")!;
  const evaluate = async (...words: string[]) => {
    const run = await cli(["evaluate", runDir, "--device", "cpu", "--threads", "1", ...words]);
    return { ...(await run.ended), stdout: run.stdout(), stderr: run.stderr() };
  };
  const json = await evaluate("--json");
  assert.equal(json.code, 0, json.stderr);
  const scores = JSON.parse(json.stdout) as Scores;
  assert.ok(Math.abs(scores.loss - loss) < 1e-6 * loss, `${scores.loss} and ${loss}`);
  assert.equal(scores.accuracy, accuracy);
  assert.equal(scores.images, SMALL_DATA.test);
  assert.equal(
    scores.confusion.flat().reduce((sum, count) => sum + count, 0),
    SMALL_DATA.test,
  );
  const text = await evaluate();
  assert.equal(text.code, 0, text.stderr);
  assert.match(text.stdout, new RegExp(`loss +${loss.toFixed(6)}\\n`));
  assert.match(text.stderr, /evaluating \S+ 100% 60 of 60 images\n/);
  assert.match(text.stdout, /top-5 .*\n\nclass +images +right +accuracy\n/);
  const crops = await evaluate("--ten-crop");
  assert.equal(crops.code, 2);
  assert.match(crops.stderr, /takes 28x28, the images are 28x28/);
  const options = Object.entries({ ...SMALL_DATA, height: 32, width: 30 }).flatMap(([key, value]) => [
    "--dataset-option",
    `${key}=${value}`,
  ]);
  const larger = await evaluate("--dataset", "synthetic", ...options, "--ten-crop", "--json");
  assert.equal(larger.code, 0, larger.stderr);
  assert.equal((JSON.parse(larger.stdout) as Scores).images, SMALL_DATA.test);
});

test("a model of one's own is evaluated as it was in its run, and is not dense or cropped", async (context) => {
  const runDir = join(scratch(context), "run");
  const { events } = await runHere(context, fixturePath("models/own.mjs"), {
    overrides: { steps: 3 },
    placement: { runDir, workers: 1 },
  });
  const { loss, accuracy } = events.findLast((event): event is EvalEvent => event.event === "eval" && event.best)!;
  // The run was not started by a command of this user's, so its module is not in their list.
  const foreign = await cli(["evaluate", runDir, "--device", "cpu"]);
  assert.equal((await foreign.ended).code, 2);
  assert.match(foreign.stderr(), /own\.mjs .* is a program.*\n.*--trust-model/);
  const trusted = ["evaluate", runDir, "--trust-model", "--device", "cpu"];
  const json = await cli([...trusted, "--threads", "1", "--json", "--best"]);
  assert.equal((await json.ended).code, 0, json.stderr());
  const scores = JSON.parse(json.stdout()) as Scores;
  assert.ok(Math.abs(scores.loss - loss) < 1e-6 * loss, `${scores.loss} and ${loss}`);
  assert.equal(scores.accuracy, accuracy);
  const dense = await cli([...trusted, "--dense"]);
  assert.equal((await dense.ended).code, 2);
  assert.match(dense.stderr(), /--dense needs a network of cnn-dist's own/);
});
