import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CheckpointStore } from "../../../src/checkpoint/store.js";
import type { Engine } from "../../../src/engine/engine.js";
import { openClassifier } from "../../../src/evaluation/classifier.js";
import { type Prediction, predict } from "../../../src/evaluation/predict.js";
import { initialValues } from "../../../src/models/init.js";
import { parametersOf } from "../../../src/models/parameters.js";
import { buildModel } from "../../../src/models/registry.js";
import { layoutOf } from "../../../src/parameters/layout.js";
import { fixturePath } from "../../support/fixtures.js";
import { pngOf } from "../../support/png.js";
import { testRecipe } from "../../support/recipe.js";
import { cli } from "../../support/runs.js";
import { testSnapshot } from "../../support/snapshot.js";
import { temporaryDirectory } from "../../support/temporary.js";
import { openTestEngine } from "../../support/tensorflow.js";

const IMAGES = ["gradient.png", "gradient.jpg"].map((name) => fixturePath(`images/${name}`));

let engine: Engine;
before(async () => {
  engine = await openTestEngine();
});
after(() => engine.close());

function snapshotOf(image: [number, number, number]) {
  const classNames = ["shoe", "hat", "coat"];
  const layout = layoutOf(parametersOf(buildModel("tiny-bn", { input: image, classes: 3 })));
  return testSnapshot({
    recipe: testRecipe({ model: "tiny-bn" }),
    image,
    classNames,
    layout,
    ...initialValues(layout, 4),
    slots: {},
  });
}

test("the probabilities are the network's for the image's centre, the most probable first", async () => {
  const snapshot = snapshotOf([30, 30, 3]);
  const found: Prediction[] = [];
  for await (const each of predict(engine, snapshot, IMAGES.slice(0, 1), { top: 3 })) found.push(each);
  // 40x30 needs no resizing: its middle 30 columns are the image.
  const centre = Uint8Array.from(
    Array.from({ length: 900 }, (_, at) => [Math.floor(at / 30), 5 + (at % 30)] as const).flatMap(([row, column]) => [
      6 * column,
      8 * row,
      3 * (row + column),
    ]),
  );
  const expected = await (await openClassifier(engine, snapshot)).classify(centre);
  const byName = new Map(found[0]!.classes.map(({ name, probability }) => [name, probability]));
  snapshot.classNames.forEach((name, index) => {
    assert.ok(Math.abs(byName.get(name)! - Math.exp(expected[index]!)) < 1e-9, name);
  });
  const probabilities = found[0]!.classes.map(({ probability }) => probability);
  assert.deepEqual(
    probabilities,
    probabilities.toSorted((a, b) => b - a),
  );
});

test("a recipe's steps and normalisation are those of evaluation", async () => {
  const pixelStatistics = { mean: [0.2, 0.3, 0.4], deviation: [0.1, 0.2, 0.3], principal: null };
  const snapshot = snapshotOf([20, 20, 3]);
  const datasetOptions = { height: 30, width: 40, channels: 3 };
  const recipe = testRecipe({
    model: "tiny-bn",
    datasetOptions,
    normalization: "channel",
    augmentation: [{ step: "randomCrop", size: 20 }, { step: "horizontalFlip" }],
  });
  const found: Prediction[] = [];
  for await (const each of predict(engine, { ...snapshot, recipe, pixelStatistics }, IMAGES.slice(0, 1), { top: 3 }))
    found.push(each);
  // The middle of the 40x30 image.
  const centre = Array.from({ length: 400 }, (_, at) => [5 + Math.floor(at / 20), 10 + (at % 20)] as const).flatMap(
    ([row, column]) => [6 * column, 8 * row, 3 * (row + column)],
  );
  const classifier = await openClassifier(engine, { ...snapshot, recipe, pixelStatistics });
  const expected = await classifier.classify(Uint8Array.from(centre));
  const plain = await (await openClassifier(engine, snapshot)).classify(Uint8Array.from(centre));
  const byName = new Map(found[0]!.classes.map(({ name, probability }) => [name, probability]));
  snapshot.classNames.forEach((name, index) => {
    assert.ok(Math.abs(byName.get(name)! - Math.exp(expected[index]!)) < 1e-9, name);
  });
  assert.ok(plain.some((value, at) => Math.abs(value - expected[at]!) > 1e-3));
});

test("the command prints classes for each image, as text and as JSON, in gray for one channel", async (context) => {
  const dir = temporaryDirectory(context);
  const { path } = await new CheckpointStore(dir, 1).save(snapshotOf([28, 28, 1]));
  const words = async (...args: string[]) => {
    const run = await cli(["predict", path, ...args]);
    return { ...(await run.ended), stdout: run.stdout(), stderr: run.stderr() };
  };
  const text = await words(...IMAGES, "--top", "2");
  assert.equal(text.code, 0, text.stderr);
  const lines = text.stdout.trimEnd().split("\n");
  assert.deepEqual([lines.length, lines[0], lines[3]], [6, IMAGES[0], IMAGES[1]]);
  assert.match(lines[1]!, /^ +\d+\.\d\d% {2}(shoe|hat|coat)$/);
  const json = await words(IMAGES[1]!, "--json");
  const { image, classes } = JSON.parse(json.stdout) as Prediction;
  assert.equal(image, IMAGES[1]);
  assert.ok(Math.abs(classes.reduce((sum, { probability }) => sum + probability, 0) - 1) < 1e-6);
  const broken = join(dir, "broken.png");
  writeFileSync(broken, "no image");
  const refused = await words(broken);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /broken\.png: it is neither JPEG nor PNG/);
  // A whole one of one pixel, which TensorFlow would read.
  const gif = join(dir, "dot.gif");
  writeFileSync(gif, Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "base64"));
  const other = await words(gif);
  assert.equal(other.code, 2);
  assert.match(other.stderr, /dot\.gif: it is neither JPEG nor PNG \(it begins with 47 49 46 38\)/);
  // A small file of many pixels, which would take gigabytes once it is decoded.
  const bomb = pngOf(new Uint8Array(1), 1, 1, 1);
  bomb.writeUInt32BE(16_000, 16);
  bomb.writeUInt32BE(16_000, 20);
  const large = join(dir, "large.png");
  writeFileSync(large, bomb);
  const refusedLarge = await words(large);
  assert.equal(refusedLarge.code, 2);
  assert.match(refusedLarge.stderr, /large\.png: it has 16000x16000 = 256000000 pixels, more than 89478485: make it/);
});
