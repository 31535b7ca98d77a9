/** Every kind of file that --model takes trains: functional and sequential models, from modules and from model.json. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { DoneEvent, RunEvent } from "../../../src/events.js";
import { type TrainOptions, train } from "../../../src/index.js";
import { run as command } from "../../support/cli.js";
import { temporaryDirectory } from "../../support/temporary.js";

const OPTIONS: TrainOptions = {
  dataset: "synthetic",
  datasetOptions: { height: 28, width: 28, channels: 1, classes: 10, train: 40, test: 10 },
  batchSize: 12,
  shards: 3,
  steps: 2,
  seed: 7,
  metrics: false,
  workers: 1,
  device: "cpu",
};

async function trained(model: string): Promise<DoneEvent> {
  const events: RunEvent[] = [];
  for await (const event of train({ ...OPTIONS, model, runDir: `${model}-run` })) events.push(event);
  const done = events.at(-1)!;
  assert.ok(done.event === "done" && done.step === 2 && Number.isFinite(done.loss), JSON.stringify(done));
  return done;
}

const FUNCTIONAL = `
  const image = tf.input({ shape: inputShape });
  const wide = tf.layers.conv2d({ filters: 4, kernelSize: 3, padding: "same", strides: 4 }).apply(image);
  const narrow = tf.layers.conv2d({ filters: 4, kernelSize: 1, padding: "same", strides: 4 }).apply(image);
  const sum = tf.layers.add().apply([wide, narrow]);
  const flat = tf.layers.flatten().apply(tf.layers.activation({ activation: "relu" }).apply(sum));
  const outputs = tf.layers.dense({ units: classes, activation: "softmax" }).apply(flat);
  return tf.model({ inputs: image, outputs });`;
const SEQUENTIAL = `
  return tf.sequential({ layers: [
    tf.layers.conv2d({ inputShape, filters: 4, kernelSize: 3, strides: 4, activation: "relu" }),
    tf.layers.flatten(),
    tf.layers.dense({ units: classes }),
  ] });`;
const FACTS = "tf, { inputShape, classes }";

test("functional and sequential models from every kind of module", async (context) => {
  const dir = temporaryDirectory(context);
  writeFileSync(join(dir, "package.json"), '{ "type": "module" }');
  const write = (name: string, source: string) => {
    writeFileSync(join(dir, name), source);
    return join(dir, name);
  };
  const functional = await trained(write("functional.mjs", `export function createModel(${FACTS}) {${FUNCTIONAL}}`));
  const same = await trained(write("functional.cjs", `exports.createModel = async (${FACTS}) => {${FUNCTIONAL}}`));
  assert.equal(same.weights_sha256, functional.weights_sha256);
  await trained(write("sequential.js", `export const createModel = (${FACTS}) => {${SEQUENTIAL}}`));
  const typed = write(
    "functional.ts",
    `interface Facts { inputShape: number[]; classes: number }
     export function createModel(tf: any, { inputShape, classes }: Facts) {${FUNCTIONAL}}`,
  );
  const runsTypescript = "typescript" in process.features && process.features.typescript !== false;
  if (runsTypescript) assert.equal((await trained(typed)).weights_sha256, functional.weights_sha256);
  else await assert.rejects(trained(typed), { code: "model-file", message: /does not run TypeScript/ });
});

/** As Keras 2 writes them: layers by name, and for a functional model who comes after whom. */
function layer(className: string, name: string, config: object, inbound: readonly string[] = []) {
  const inbound_nodes = inbound.length === 0 ? [] : [inbound.map((each) => [each, 0, 0, {}])];
  return { class_name: className, name, config: { name, ...config }, inbound_nodes };
}
const IMAGE = { batch_input_shape: [null, 28, 28, 1], dtype: "float32" };
const CONV = { filters: 4, kernel_size: [3, 3], strides: [4, 4], padding: "same" };

test("functional and sequential models from a model.json", async (context) => {
  const dir = temporaryDirectory(context);
  const write = (name: string, modelTopology: object) => {
    writeFileSync(join(dir, name), JSON.stringify({ format: "layers-model", modelTopology }));
    return join(dir, name);
  };
  const functional = {
    class_name: "Functional",
    config: {
      name: "two_ways",
      layers: [
        layer("InputLayer", "image", { ...IMAGE, sparse: false }),
        layer("Conv2D", "a", CONV, ["image"]),
        layer("Conv2D", "b", CONV, ["image"]),
        layer("Add", "sum", {}, ["a", "b"]),
        layer("Flatten", "flat", {}, ["sum"]),
        layer("Dense", "classes", { units: 10, activation: "softmax" }, ["flat"]),
      ],
      input_layers: [["image", 0, 0]],
      output_layers: [["classes", 0, 0]],
    },
  };
  await trained(write("functional.json", functional));
  const layers = [
    layer("InputLayer", "image", { ...IMAGE, sparse: false }),
    layer("Conv2D", "a", CONV),
    layer("Flatten", "flat", {}),
    layer("Dense", "classes", { units: 10 }),
  ].map(({ class_name, config }) => ({ class_name, config }));
  await trained(write("sequential.json", { class_name: "Sequential", config: { name: "one_way", layers } }));
});

test("our own tfjs export goes on training", async (context) => {
  const cwd = temporaryDirectory(context);
  for (const [model, options] of [
    ["lenet5", {}],
    ["resnet18", { width: 1 / 16 }],
  ] as const) {
    const runDir = join(cwd, model);
    const first: RunEvent[] = [];
    for await (const event of train({ ...OPTIONS, model, modelOptions: options, runDir })) first.push(event);
    const { code, stderr } = await command(["export", runDir, "--format", "tfjs", "--output", `${model}-tfjs`], {
      cwd,
    });
    assert.equal(code, 0, stderr);
    await trained(join(cwd, `${model}-tfjs`, "model.json"));
  }
});
