import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import type * as tfjs from "@tensorflow/tfjs";
import type { Engine } from "../../../src/engine/engine.js";
import { UsageError } from "../../../src/errors.js";
import { loadUserModel, type UserModel } from "../../../src/layers/user-model.js";
import { readUserModelFile } from "../../../src/models/user-file.js";
import { Compute } from "../../../src/worker/compute.js";
import { fixturePath } from "../../support/fixtures.js";
import { copyOf } from "../../support/stream-values.js";
import { temporaryDirectory } from "../../support/temporary.js";
import { openTestEngine } from "../../support/tensorflow.js";

let engine: Engine;
before(async () => {
  engine = await openTestEngine();
});
after(() => engine.close());

const OWN = fixturePath("models/own.mjs");
const FACTS = { input: [8, 8, 1] as const, classes: 3, seed: 7 };
const load = async (path: string, facts: Partial<typeof FACTS> = {}) =>
  loadUserModel(engine, readUserModelFile(path), { ...FACTS, ...facts });

/** Writes a module whose createModel has that body, and gives its path. */
function moduleOf(context: TestContext, body: string): string {
  const path = join(temporaryDirectory(context), "model.mjs");
  writeFileSync(path, `export function createModel(tf, { inputShape, classes, seed }) {\n${body}\n}\n`);
  return path;
}
const sequential = (middle: string, last = "tf.layers.dense({ units: classes })") =>
  `return tf.sequential({ layers: [tf.layers.flatten({ inputShape }), ${middle}${middle && ","} ${last}] });`;

/** The user's model with a step of four images, from its initial values: seed to loss, gradient and state. */
function stepping({ network, layout, values }: UserModel) {
  const computer = new Compute({ engine, network, layout, shape: FACTS.input, labelSmoothing: 0 });
  const weights = layout.buckets.map(({ offset, size }) => values.slice(offset, offset + size));
  const step = async (seed: number) => {
    const out: { loss: number; gradient: Float32Array | null } = { loss: Number.NaN, gradient: null };
    const state = await computer.shard(
      {
        pixels: Uint8Array.from({ length: 4 * 64 }, (_, index) => (index * 37) % 251),
        labels: Int32Array.of(0, 1, 2, 1),
        scale: 1 / 4,
        seed: [seed, 0],
      },
      [...weights, values.slice(layout.size)],
      {
        loss: (loss) => {
          out.loss = loss;
        },
        bucket: (_, values) => {
          out.gradient = copyOf(values);
        },
      },
    );
    return { ...out, state };
  };
  return { layout, values, step };
}

/** A layer with a weight "own" of two elements, which begins at one: `trainable` or not; `call` uses x and this.own. */
const ownLayer = (trainable: boolean, call: string) => `class Own extends tf.layers.Layer {
  build() {
    this.own = this.addWeight("own", [2], "float32", tf.initializers.ones(), undefined, ${trainable});
    this.built = true;
  }
  call([x]) { ${call} }
}
Own.className = "Own";
${sequential("new Own({ name: 'own' })")}`;

/** Saves a model as tfjs does, weights in two files, and gives the path of its model.json. */
async function save(context: TestContext, model: tfjs.LayersModel, withWeights = true): Promise<string> {
  const dir = temporaryDirectory(context);
  let saved: tfjs.io.ModelArtifacts | null = null;
  await model.save({
    save: async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    },
  });
  const { modelTopology, weightSpecs, weightData } = saved! as tfjs.io.ModelArtifacts;
  const bytes = Buffer.from(weightData as ArrayBuffer);
  writeFileSync(join(dir, "weights1.bin"), bytes.subarray(0, 30));
  writeFileSync(join(dir, "weights2.bin"), bytes.subarray(30));
  const weightsManifest = withWeights ? [{ paths: ["weights1.bin", "weights2.bin"], weights: weightSpecs }] : undefined;
  writeFileSync(join(dir, "model.json"), JSON.stringify({ format: "layers-model", modelTopology, weightsManifest }));
  return join(dir, "model.json");
}

test("a module's model: names, roles, values that follow from the seed, and a hash that does not change", async () => {
  const one = await load(OWN);
  assert.deepEqual(
    one.network.parameters.map(({ name, shape, role, decay }) => [name, shape.join("x"), role, decay]),
    [
      ["conv2d_1/kernel", "3x3x1x4", "trainable", true],
      ["conv2d_1/bias", "4", "trainable", false],
      ["batch_normalization_1/gamma", "4", "trainable", false],
      ["batch_normalization_1/beta", "4", "trainable", false],
      ["batch_normalization_1/moving_mean", "4", "state", false],
      ["batch_normalization_1/moving_variance", "4", "state", false],
      ["dense_1/kernel", "36x3", "trainable", true],
      ["dense_1/bias", "3", "trainable", false],
    ],
  );
  assert.equal(readUserModelFile(OWN).sha256, createHash("sha256").update(readFileSync(OWN)).digest("hex"));
  const again = await load(OWN);
  assert.equal(again.topologySha256, one.topologySha256);
  assert.deepEqual(again.values, one.values);
  assert.equal(one.values.length, one.layout.size + one.layout.stateSize);
  const kernel = one.layout.trainable.find(({ name }) => name === "dense_1/kernel")!;
  const values = one.values.subarray(kernel.offset, kernel.offset + kernel.size);
  assert.ok(new Set(values).size > 100, "the dense kernel was drawn");
  assert.deepEqual([...one.values.subarray(one.layout.size)], [0, 0, 0, 0, 1, 1, 1, 1]);
  const other = await load(OWN, { seed: 8 });
  assert.equal(other.topologySha256, one.topologySha256);
  assert.notDeepEqual(other.values, one.values);
  assert.notEqual((await load(OWN, { classes: 4 })).topologySha256, one.topologySha256);
});

test("a softmax at the end is taken off, however it is written", async (context) => {
  const { tf } = engine;
  const x = tf.randomUniform([2, 8, 8, 1], 0, 1, "float32", 3);
  const endings = [
    `tf.layers.dense({ units: classes })`,
    `tf.layers.dense({ units: classes, activation: "softmax" })`,
    `tf.layers.dense({ units: classes }), tf.layers.activation({ activation: "softmax" })`,
    `tf.layers.dense({ units: classes }), tf.layers.softmax()`,
    `tf.sequential({ layers: [tf.layers.dense({ inputShape: [64], units: classes, activation: "softmax" })] })`,
  ];
  const outputs: Float32Array[] = [];
  for (const ending of endings) {
    const { network } = await load(moduleOf(context, sequential("", ending)));
    const logits = network.forward(x, { training: false, seed: tf.tensor1d([0, 0], "int32") });
    outputs.push(logits.dataSync<"float32">());
  }
  assert.ok(Math.abs(outputs[0]!.slice(0, 3).reduce((sum, value) => sum + value, 0) - 1) > 1e-3, "these are logits");
  for (const output of outputs) assert.deepEqual(output, outputs[0]);
});

test("dropout and batch normalisation of a user's model are ours: they train, and their noise follows the seed", async (context) => {
  const user = await load(OWN);
  const saved = await load(await save(context, user.network.model));
  for (const { layout, values, step } of [user, saved].map(stepping)) {
    const state = values.slice(layout.size);
    const one = await step(1);
    assert.equal(one.gradient!.length, layout.parameters);
    assert.ok(one.gradient!.every(Number.isFinite) && one.gradient!.some((value) => value !== 0));
    assert.notDeepEqual(one.state, state);
    assert.deepEqual(await step(1), one);
    assert.notEqual((await step(2)).loss, one.loss);
  }
});

test("a weight that is not trainable is state: no gradient, and only the layer's own write changes it", async (context) => {
  for (const [call, left] of [
    ["return x.mul(this.own.read().sum());", [1, 1]],
    ["this.own.write(this.own.read().mul(3)); return x;", [3, 3]],
    ["return x;", [1, 1]],
  ] as const) {
    const { layout, step } = stepping(await load(moduleOf(context, ownLayer(false, call))));
    assert.deepEqual(
      layout.state.map(({ name }) => name),
      ["own/own"],
    );
    const { gradient, state } = await step(1);
    assert.equal(gradient!.length, 64 * 3 + 3);
    assert.deepEqual([...state], left);
  }
});

test("noise of the host in a layer's call is refused in words of a model's author", async (context) => {
  for (const [call, code] of [
    ["return tf.dropout(tf.tile(x, [1, 90]), 0.5).sum(1, true).mul(x);", "trace-constant"],
    ["return tf.dropout(x, 0.5);", "trace-differs"],
  ] as const) {
    const { step } = stepping(await load(moduleOf(context, ownLayer(false, call))));
    await assert.rejects(step(1), {
      code,
      message: /tf\.dropout.*in every step\. For dropout use tf\.layers\.dropout;/,
    });
  }
});

test("a weight that no gradient reaches is refused by name", async (context) => {
  const { step } = stepping(await load(moduleOf(context, ownLayer(true, "return x;"))));
  await assert.rejects(step(1), { code: "model-layer", message: /^no gradient reaches parameter own\/own/ });
});

test("a saved model comes back with its weights, names and logits", async (context) => {
  const { tf } = engine;
  const user = await load(OWN);
  const path = await save(context, user.network.model);
  const saved = await load(path, { seed: 99 });
  assert.deepEqual(saved.values, user.values);
  assert.deepEqual(saved.network.parameters, user.network.parameters);
  const x = tf.randomUniform([2, 8, 8, 1], 0, 1, "float32", 3);
  const logits = ({ network }: typeof user) =>
    network.forward(x, { training: false, seed: tf.tensor1d([0, 0], "int32") }).dataSync();
  assert.deepEqual(logits(saved), logits(user));
  const hash = createHash("sha256");
  for (const file of ["model.json", "weights1.bin", "weights2.bin"]) hash.update(readFileSync(join(path, "..", file)));
  assert.equal(readUserModelFile(path).sha256, hash.digest("hex"));
});

test("a topology without weights draws its values from the seed", async (context) => {
  const { network } = await load(OWN);
  const path = await save(context, network.model, false);
  const seven = await load(path);
  assert.deepEqual((await load(path)).values, seven.values);
  assert.notDeepEqual((await load(path, { seed: 8 })).values, seven.values);
});

test("batch normalisation without scale or offset has no such parameter, and its initializers count", async (context) => {
  const { tf } = engine;
  const path = moduleOf(
    context,
    sequential(
      `tf.layers.batchNormalization({ scale: false, betaInitializer: tf.initializers.constant({ value: 2 }) })`,
    ),
  );
  const { network } = await load(path);
  assert.deepEqual(
    network.parameters.map(({ name }) => name),
    [
      "batch_normalization_1/beta",
      "batch_normalization_1/moving_mean",
      "batch_normalization_1/moving_variance",
      "dense_1/kernel",
      "dense_1/bias",
    ],
  );
  assert.ok(
    network
      .variable("batch_normalization_1/beta")
      .dataSync()
      .every((value) => value === 2),
  );
  const x = tf.randomUniform([5, 8, 8, 1], 0, 1, "float32", 3);
  const logits = network.forward(x, { training: true, seed: tf.tensor1d([0, 0], "int32") });
  assert.ok(logits.dataSync().every(Number.isFinite));
});

test("what cannot be trained is refused by name, with what to do", async (context) => {
  const fails = async (path: string, message: RegExp, facts = {}) =>
    assert.rejects(load(path, facts), (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, message);
      return true;
    });
  const model = (middle: string, last?: string) => moduleOf(context, sequential(middle, last));
  const units = "units: classes";
  await fails(model("tf.layers.gaussianNoise({ stddev: 1 })"), /GaussianNoise\) draws random numbers on the host/);
  await fails(model("tf.layers.dense({ units: 4, trainable: false })"), /dense\w* \(Dense\) is frozen/);
  await fails(model("tf.layers.dense({ units: 4, kernelRegularizer: 'l1l2' })"), /regularizer.*--weight-decay/);
  await fails(model("tf.layers.dense({ units: 4, kernelConstraint: 'nonNeg' })"), /constrains .*kernel/);
  await fails(model("tf.layers.dropout({ rate: 1 })"), /rate must be from 0.*received 1/);
  await fails(model("tf.layers.batchNormalization({ axis: 0 })"), /axis 0 of \[any, 64\]; only the last axis/);
  const named = "tf.layers.dense({ units: 4, name: 'a' })";
  await fails(model(`${named}, ${named}`), /model\.mjs has two layers named a \(both have a\/kernel\)/);
  await fails(
    moduleOf(
      context,
      "const d = tf.layers.dense({ units: 4, name: 'a' }); const f = tf.layers.flatten({ inputShape });" +
        "return tf.sequential({ layers: [f, tf.layers.dense({ units: 4 }), d, d, tf.layers.dense({ units: classes })] });",
    ),
    /uses layer a twice in a sequential model/,
  );
  await fails(model("", `tf.layers.dense({ ${units}, activation: "sigmoid" })`), /ends in a sigmoid/);
  await fails(model("", "tf.layers.dense({ units: 5 })"), /ends in \[5\], but the data set has 3 classes/);
  await fails(
    moduleOf(context, "return tf.sequential({ layers: [tf.layers.dense({ inputShape: [64], units: classes })] });"),
    /takes \[64\], but the data set's images are \[8, 8, 1\]/,
  );
  await fails(
    moduleOf(context, "return { predict() {} };"),
    /returned an object of class Object; expected a tf\.LayersModel/,
  );
  await fails(moduleOf(context, "return tf.layers.nothing();"), /nothing is not a function[\s\S]*model\.mjs:2/);
});

test("files that are no model: missing, of another kind, without createModel, graph models, lost weights", async (context) => {
  const dir = temporaryDirectory(context);
  const file = (name: string, content: string) => {
    writeFileSync(join(dir, name), content);
    return join(dir, name);
  };
  const fails = async (path: string, message: RegExp) =>
    assert.rejects(load(path), (error) => {
      assert.ok(error instanceof UsageError && error.code === "model-file", String(error));
      assert.match(error.message, message);
      return true;
    });
  await fails(join(dir, "none.mjs"), /none\.mjs does not exist/);
  await fails(dir, /is a directory; give the model\.json/);
  await fails(file("model.h5", "x"), /expected a model\.json.*ends in "\.h5"/);
  await fails(file("empty.mjs", "export const other = 1;"), /exports no function createModel; it exports other/);
  await fails(file("broken.mjs", "export function createModel( {"), /broken\.mjs/);
  await fails(file("a.json", "{"), /is not JSON/);
  await fails(file("b.json", "{}"), /has no modelTopology/);
  await fails(file("c.json", `{"format":"graph-model","modelTopology":{}}`), /graph model, which cannot be trained/);
  await fails(
    file(
      "d.json",
      `{"modelTopology":{"class_name":"Sequential","config":{"layers":[{"class_name":"Own","config":{}}]}}}`,
    ),
    /cannot be loaded: Unknown layer: Own/,
  );
  const saved = await save(context, (await load(OWN)).network.model);
  writeFileSync(join(saved, "../weights2.bin"), Buffer.alloc(8));
  await fails(saved, /cannot be loaded/);
});
