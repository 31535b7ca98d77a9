/** A user sees layers, shapes and parameters of their own model before any training. */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { run } from "../../support/cli.js";
import { temporaryDirectory } from "../../support/temporary.js";

const MODULE = `export function createModel(tf, { inputShape, classes }) {
  const image = tf.input({ shape: inputShape });
  const wide = tf.layers.conv2d({ filters: 4, kernelSize: 3, strides: 2, name: "wide" }).apply(image);
  const normal = tf.layers.batchNormalization({ name: "normal" }).apply(wide);
  const flat = tf.layers.flatten().apply(normal);
  return tf.model({ inputs: image, outputs: tf.layers.dense({ units: classes, name: "classes" }).apply(flat) });
}
`;

function moduleIn(context: TestContext, source = MODULE) {
  const cwd = temporaryDirectory(context);
  writeFileSync(join(cwd, "own.mjs"), source);
  return cwd;
}

test("summary of a module: as launch would train it, or for the shape that is given", async (context) => {
  const cwd = moduleIn(context);
  const { code, stdout, stderr } = await run(["summary", "own.mjs"], { cwd });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^model +\S*own\.mjs\nSHA-256 +[0-9a-f]{64}\ninput +28x28x1, 10 classes\n/);
  // conv 3*3*1*4 + 4, batch normalisation 2*4 and its statistics 2*4, dense 13*13*4*10 + 10
  assert.match(stdout, /\nparameters +6,818 trainable, 8 moving statistics \(28 kB\)\n/);
  assert.match(stdout, /\ninput_1 +InputLayer +28x28x1\nwide +Conv2D +13x13x4 +40\nnormal +BatchNorm\w* +13x13x4 +8\n/);
  assert.match(stdout, /\nclasses +Dense +10 +6,770\n$/);

  const given = ["--input", "9x9x3", "--classes", "7", "--json"];
  const json = await run(["summary", "own.mjs", ...given], { cwd });
  const summary = JSON.parse(json.stdout);
  assert.deepEqual([summary.input, summary.classes], [[9, 9, 3], 7]);
  assert.equal(summary.trainable_parameters, 27 * 4 + 4 + 8 + 4 * 4 * 4 * 7 + 7);
  assert.equal(summary.total_parameters, summary.trainable_parameters + 8);
  const sum = summary.layers.reduce((all: number, { parameters }: { parameters: number }) => all + parameters, 0);
  assert.equal(sum, summary.trainable_parameters);
});

test("summary of a model.json, and of files that cannot be trained", async (context) => {
  const cwd = moduleIn(context, 'export function createModel() {\n  throw new Error("not today");\n}\n');
  const dense = { units: 10, name: "classes", batch_input_shape: [null, 784] };
  const layers = [
    { class_name: "Flatten", config: { name: "flat", batch_input_shape: [null, 28, 28, 1] } },
    { class_name: "Dense", config: dense },
  ];
  const modelTopology = { class_name: "Sequential", config: { name: "one", layers } };
  writeFileSync(join(cwd, "model.json"), JSON.stringify({ modelTopology }));
  const { code, stdout, stderr } = await run(["summary", "model.json"], { cwd });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /\nparameters +7,850 trainable \(32 kB\)\n/);
  const other = await run(["summary", "model.json", "--dataset", "cifar10"], { cwd });
  assert.equal(other.code, 2);
  assert.match(other.stderr, /takes \[28, 28, 1\], but the data set's images are \[32, 32, 3\]/);
  const failed = await run(["summary", "own.mjs"], { cwd });
  assert.equal(failed.code, 2);
  assert.match(failed.stderr, /own\.mjs threw an error: not today \(at \S+own\.mjs:2:9\)/);
});

test("a dry run prints a model's own parameters, and says so where nothing can read it yet", async (context) => {
  const cwd = moduleIn(context);
  const words = ["launch", "--dry-run", "--model", "own.mjs", "--device", "cpu", "--json"];
  const planned = await run(words, { cwd });
  assert.equal(planned.code, 0, planned.stderr);
  assert.equal(JSON.parse(planned.stdout).parameters, 6818);
  const env = { CNN_DIST_CACHE: join(cwd, "cache"), CNN_DIST_PYTHON: "/bin/false", CNN_DIST_TENSORFLOW: "" };
  const without = await run(words, { cwd, env });
  assert.equal(without.code, 0, without.stderr);
  assert.equal(JSON.parse(without.stdout).parameters, null);
  const summary = await run(["summary", "own.mjs"], { cwd, env });
  assert.equal(summary.code, 2);
  assert.match(summary.stderr, /needs TensorFlow to build the model.*cnn-dist setup/);
  assert.ok(!existsSync(join(cwd, "runs")) && !existsSync(join(cwd, "cache", "tensorflow")));
});

test("a module that does not give a model says what happened, and where", async (context) => {
  for (const [source, expected, exit] of [
    [
      "export const createModel = () => new Promise(() => {});\n",
      /the promise that createModel returned never settles/,
      2,
    ],
    ["export const createModel = () => process.exit(3);\n", /ended with exit code 3 before it had read it/, 1],
    ["const b = 1;\nconst a = ;\n", /cannot be loaded: SyntaxError: .* \(at \S*own\.mjs:2:11\)/, 2],
  ] as const) {
    const cwd = moduleIn(context, source);
    const { code, stderr } = await run(["summary", "own.mjs"], { cwd });
    assert.match(stderr, expected);
    assert.equal(code, exit);
  }
});
