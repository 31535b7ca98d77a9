import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { findCheckpoint } from "../../../src/checkpoint/find.js";
import { loadDataset } from "../../../src/data/datasets.js";
import type { Engine } from "../../../src/engine/engine.js";
import { activationsOf, gradcamOf } from "../../../src/evaluation/inside.js";
import { tableNetwork } from "../../../src/evaluation/network.js";
import { openStudio } from "../../../src/evaluation/pictures.js";
import { type PictureOptions, picture } from "../../../src/index.js";
import { initialValues } from "../../../src/models/init.js";
import { parametersOf } from "../../../src/models/parameters.js";
import { buildModel } from "../../../src/models/registry.js";
import type { ImageShape, ModelSpec } from "../../../src/models/spec.js";
import { layoutOf } from "../../../src/parameters/layout.js";
import { decodePng } from "../../support/decode-png.js";
import { fixturePath } from "../../support/fixtures.js";
import { pngOf } from "../../support/png.js";
import { cli, runHere, scratch } from "../../support/runs.js";
import { openTestEngine } from "../../support/tensorflow.js";

let engine: Engine;
before(async () => {
  engine = await openTestEngine();
});
after(() => engine.close());

const loaded = (spec: ModelSpec) => {
  const layout = layoutOf(parametersOf(spec));
  const values = initialValues(layout, 3);
  return { layout, ...values, network: tableNetwork(engine, spec, { layout, ...values }) };
};
const image = ([height, width, channels]: ImageShape) =>
  Uint8Array.from({ length: height * width * channels }, (_, at) => (at * 7919) % 256);

test("of a convolution, a global average and a dense layer, Grad-CAM is CAM (Selvaraju et al. 2017, section 3.1)", async () => {
  const spec: ModelSpec = {
    name: "cam",
    source: "this test",
    input: [6, 5, 3],
    classes: 4,
    layers: [
      { kind: "conv2d", name: "conv", filters: 7, kernel: 3, padding: "same", bias: true, activation: "relu" },
      { kind: "globalAvgPool", name: "average" },
      { kind: "dense", name: "fc", units: 4, bias: true },
    ],
    output: "fc",
  };
  const { layout, weights, network } = loaded(spec);
  const pixels = image(spec.input);
  const { guess, heat } = await gradcamOf(engine, network, pixels);
  const { guess: same, layers } = await activationsOf(engine, network, pixels);
  assert.deepEqual(guess, same);
  assert.deepEqual(
    layers.map(({ name, shape }) => [name, shape]),
    [
      ["conv", [6, 5, 7]],
      ["fc", [4]],
    ],
  );
  const dense = layout.trainable.find(({ name }) => name === "fc/kernel")!;
  const maps = layers[0]!.values;
  const places = 6 * 5;
  const expected = Float64Array.from({ length: places }, (_, place) => {
    let sum = 0;
    for (let map = 0; map < 7; map++)
      sum += (maps[place * 7 + map]! * weights[dense.offset + map * 4 + guess.label]!) / places;
    return Math.max(0, sum);
  });
  const largest = expected.reduce((a, b) => Math.max(a, b));
  assert.ok(largest > 0, "some place speaks for the class");
  assert.deepEqual([heat.layer, heat.height, heat.width], ["conv", 6, 5]);
  heat.values.forEach((value, place) => {
    assert.ok(
      Math.abs(value - expected[place]!) < 1e-5 * largest,
      `place ${place}: ${value} is not ${expected[place]}`,
    );
  });
});

test("networks of towers, branches, one channel and 1x1 maps at their end are looked into", async () => {
  for (const [model, input, layer] of [
    ["alexnet", [64, 64, 3], "conv5"],
    ["googlenet-bn", [32, 32, 3], "i5b"],
    ["lenet5-1998", [28, 28, 1], "s4_squash"],
  ] as const) {
    const width = model === "lenet5-1998" ? {} : { width: 1 / 16 };
    const {
      towers: _,
      auxiliary: __,
      ...spec
    } = buildModel(model, {
      input,
      classes: 5,
      options: model === "googlenet-bn" ? { ...width, auxiliaryHeads: false } : width,
    });
    const { network } = loaded(spec);
    const { heat } = await gradcamOf(engine, network, image(input));
    assert.equal(heat.layer, layer);
    assert.ok(heat.values.every(Number.isFinite));
    const { layers } = await activationsOf(engine, network, image(input));
    for (const { shape, shown, values } of layers) {
      assert.equal(values.length, shape.slice(0, -1).reduce((a, b) => a * b, 1) * shown);
      assert.ok(values.every(Number.isFinite));
    }
  }
});

const draw = async (path: string, options: PictureOptions) => {
  const drawn = await picture(path, { device: "cpu", threads: 1, output: null, ...options });
  const read = decodePng(drawn.png);
  assert.deepEqual([read.width, read.height], [drawn.width, drawn.height]);
  assert.match(drawn.svg, /^<svg .*<\/svg>$/s);
  return drawn;
};

test("every picture of a run: by the command line and by the library, of its own images and of a file", async (context) => {
  const dir = scratch(context);
  const runDir = join(dir, "run");
  await runHere(context, "tiny-bn", { overrides: { steps: 3 }, placement: { runDir, workers: 1 } });
  const shown = async (what: PictureOptions["what"]) => (await draw(runDir, { what })).title;
  assert.match(await shown("filters"), /conv1\/kernel: 8 filters of 3x3x1/);
  assert.match(await shown("samples"), /24 of 60 test images, evenly spaced/);
  assert.match(await shown("mistakes"), /of 60 test images are wrong/);
  assert.match(await shown("confusion"), /of 60 test images right/);
  assert.match(await shown("activations"), /the first image \(class \d\), taken for class \d/);
  assert.match(await shown("curves"), /tiny-bn on synthetic, 3 of 3 steps/);
  const file = join(dir, "image.png");
  writeFileSync(file, pngOf(image([40, 30, 3]), 40, 30, 3));
  assert.match((await draw(runDir, { what: "gradcam", image: file })).title, /in relu2, 14x14/);
  const output = join(dir, "filters.svg");
  const run = await cli(["picture", runDir, "--what", "filters", "--output", output, "--json"]);
  assert.equal((await run.ended).code, 0, run.stderr());
  assert.equal(JSON.parse(run.stdout()).output, output);
  assert.match(readFileSync(output, "utf8"), /^<svg /);
  await assert.rejects(draw(runDir, { what: "filters", image: file }), /--image goes with/);
  await assert.rejects(draw(runDir, { what: "filters", output: join(dir, "a.jpg") }), /\.png or \.svg/);
  assert.ok(!existsSync(join(dir, "a.jpg")));
});

test("without a test set the training images stand in; a model of one's own", async (context) => {
  const runDir = join(scratch(context), "run");
  const datasetOptions = { height: 8, width: 8, channels: 3, classes: 3, train: 40, test: 9 };
  const overrides = { steps: 1, batchSize: 8, datasetOptions };
  await runHere(context, fixturePath("models/own.mjs"), { overrides, placement: { runDir, workers: 1 } });
  const { snapshot } = await findCheckpoint(runDir);
  const dataset = await loadDataset("synthetic", { cacheDir: "", options: datasetOptions });
  const test = { ...dataset.test, count: 0, labels: new Int32Array(0) };
  const { draw } = openStudio(engine, snapshot, { dataset: { ...dataset, test }, image: null, most: null });
  assert.match((await draw("confusion")).title, /of 40 training images \(there is no test set\) right/);
  assert.match((await draw("samples")).title, /24 of 40 training images/);
  assert.match((await draw("activations")).title, /the first image/);
  assert.match((await draw("gradcam")).title, /Grad-CAM/);
});
