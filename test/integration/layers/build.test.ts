import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Engine } from "../../../src/engine/engine.js";
import { buildNetwork } from "../../../src/layers/build.js";
import { flatVariables } from "../../../src/layers/network.js";
import { initialValues } from "../../../src/models/init.js";
import { buildModel } from "../../../src/models/registry.js";
import { layoutOf } from "../../../src/parameters/layout.js";
import { openTestEngine } from "../../support/tensorflow.js";

let engine: Engine;
before(async () => {
  engine = await openTestEngine();
});
after(() => engine.close());

function load(name: string) {
  const network = buildNetwork(engine, buildModel(name, { input: [28, 28, 1], classes: 10 }));
  const layout = layoutOf(network.parameters);
  const { weights, state } = initialValues(layout, 1);
  for (const slot of layout.trainable)
    network
      .variable(slot.name)
      .assign(engine.tf.tensor(weights.slice(slot.offset, slot.offset + slot.size), [...slot.shape]));
  for (const slot of layout.state)
    network
      .variable(slot.name)
      .assign(engine.tf.tensor(state.slice(slot.offset, slot.offset + slot.size), [...slot.shape]));
  return { network, layout };
}

test("a traced forward pass of each small network equals its eager one", async () => {
  const { tf } = engine;
  const images = Float32Array.from({ length: 3 * 784 }, (_, index) => ((index * 31) % 97) / 97);
  for (const name of ["lenet5", "tiny-bn", "vgg11-bn"]) {
    const { network, layout } = load(name);
    const seed = tf.tensor1d([1, 2], "int32");
    const eager = network.forward(tf.tensor4d(images, [3, 28, 28, 1]), { training: false, seed }).dataSync();
    const { weights, state } = initialValues(layout, 1);
    const variables = [
      ...layout.buckets.map(({ offset, size }) => weights.slice(offset, offset + size)),
      ...(layout.stateSize > 0 ? [state] : []),
    ];
    const traced = engine.trace({
      name: `forward of ${name}`,
      inputs: [{ dtype: "float32", shape: [3, 28, 28, 1] }],
      variables: flatVariables(network, layout),
      assigned: [],
      body: ([x]) => ({ streams: [], outputs: [network.forward(x!, { training: false, seed })] }),
    });
    const { outputs } = await traced.run({ inputs: [images], variables, onStream: () => {} });
    assert.equal(outputs[0]!.length, 30);
    for (const [at, value] of outputs[0]!.entries()) {
      const expected = eager[at]!;
      assert.ok(
        Math.abs(value - expected) < 1e-4 * Math.max(1, Math.abs(expected)),
        `${name} ${at}: ${value}, ${expected}`,
      );
    }
    assert.ok(new Set(outputs[0]).size > 20);
  }
});

test("dropout draws anew by seed in training and does nothing in evaluation; moving statistics move", () => {
  const { tf } = engine;
  const { network } = load("tiny-bn");
  const x = tf.randomUniform([4, 28, 28, 1], 0, 1, "float32", 5);
  const run = (training: boolean, seed: number) => [
    ...network.forward(x, { training, seed: tf.tensor1d([seed, 0], "int32") }).dataSync(),
  ];
  const before = [...network.variable("bn1/moving_mean").dataSync()];
  assert.deepEqual(run(false, 1), run(false, 2));
  assert.deepEqual([...network.variable("bn1/moving_mean").dataSync()], before);
  assert.deepEqual(run(true, 1), run(true, 1));
  assert.notDeepEqual(run(true, 1), run(true, 2));
  assert.notDeepEqual([...network.variable("bn1/moving_mean").dataSync()], before);
});
