import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type * as tfjs from "@tensorflow/tfjs";
import type { Engine, Tf, TraceSpec } from "../../../src/engine/engine.js";
import { copyOf } from "../../support/stream-values.js";
import { openTestEngine } from "../../support/tensorflow.js";

let engine: Engine;
let tf: Tf;
before(async () => {
  engine = await openTestEngine();
  tf = engine.tf;
});
after(() => engine.close());

/** A small convolutional network with all its variables in one flat vector. */
function network() {
  const shapes = [[3, 3, 1, 4], [4], [4 * 4 * 4, 3], [3]] as const;
  const variables = shapes.map((shape, index) =>
    tf.variable(tf.randomNormal([...shape], 0, 0.3, "float32", index + 1)),
  );
  const slots: { variable: tfjs.Variable; offset: number; shape: readonly number[] }[] = [];
  let size = 0;
  shapes.forEach((shape, index) => {
    slots.push({ variable: variables[index]!, offset: size, shape });
    size += shape.reduce((a, b) => a * b, 1);
  });
  const flat = engine.allocate(size);
  slots.forEach(({ variable, offset }) => flat.set(variable.dataSync() as Float32Array, offset));
  const loss = (x: tfjs.Tensor, labels: tfjs.Tensor) => {
    const [kernel, bias, dense, offset] = variables as unknown as [
      tfjs.Tensor4D,
      tfjs.Tensor,
      tfjs.Tensor2D,
      tfjs.Tensor,
    ];
    const hidden = tf.maxPool(
      tf.relu(tf.conv2d(tf.div(x, 255) as tfjs.Tensor4D, kernel, 1, "same").add(bias)) as tfjs.Tensor4D,
      2,
      2,
      "valid",
    );
    const logits = tf.matMul(hidden.reshape([x.shape[0]!, -1]), dense).add(offset) as tfjs.Tensor2D;
    return engine.ops.softmaxCrossEntropy(logits, labels).mean() as tfjs.Scalar;
  };
  return { variables, slots, size, flat, loss };
}

const pixels = Uint8Array.from({ length: 5 * 64 }, (_, index) => (index * 37) % 256);
const labels = Int32Array.of(0, 1, 2, 1, 0);

function stepSpec(net: ReturnType<typeof network>): TraceSpec {
  return {
    name: "test step",
    inputs: [
      { dtype: "uint8", shape: [5, 8, 8, 1] },
      { dtype: "int32", shape: [5] },
    ],
    variables: [{ size: net.size, slots: net.slots }],
    assigned: [],
    body: ([x, y]) => {
      const { value, grads } = tf.variableGrads(() => net.loss(x!, y!), net.variables);
      const gradients = net.variables.map((variable) => grads[variable.name]!);
      return { streams: [[value], gradients.slice(2), gradients.slice(0, 2)], outputs: [value] };
    },
  };
}

async function runOnce(step: ReturnType<Engine["trace"]>, flat: Float32Array) {
  const streams: Float32Array[] = [];
  const { outputs } = await step.run({
    inputs: [pixels, labels],
    variables: [flat],
    onStream: (index, values) => {
      streams[index] = copyOf(values);
    },
  });
  return { streams, outputs };
}

test("a traced step gives the eager step's loss and gradients, bit for bit on every call", async () => {
  const net = network();
  const eager = tf.tidy(() => {
    const x = tf.tensor4d(Float32Array.from(pixels), [5, 8, 8, 1]);
    const { value, grads } = tf.variableGrads(() => net.loss(x, tf.tensor1d(labels, "int32")), net.variables);
    return {
      loss: value.dataSync()[0]!,
      gradients: net.variables.map((variable) => grads[variable.name]!.dataSync() as Float32Array),
    };
  });
  const step = engine.trace(stepSpec(net));
  const first = await runOnce(step, net.flat);
  assert.equal(first.outputs[0]![0], first.streams[0]![0]);
  assert.ok(Math.abs(first.outputs[0]![0]! - eager.loss) < 1e-6);
  const expected = [
    [2, 3],
    [0, 1],
  ].map((indices) => Float32Array.from(indices.flatMap((index) => [...eager.gradients[index]!])));
  for (const [index, gradient] of expected.entries()) {
    gradient.forEach((value, at) =>
      assert.ok(Math.abs(value - first.streams[index + 1]![at]!) < 1e-6, `stream ${index + 1}[${at}]`),
    );
  }
  for (let call = 0; call < 5; call++) assert.deepEqual(await runOnce(step, net.flat), first);
  step.dispose();
});

test("weights are read anew at each call, and nothing is left behind by 200 calls", async () => {
  const net = network();
  const step = engine.trace(stepSpec(net));
  const before = await runOnce(step, net.flat);
  const { tensors } = engine.memory();
  const changed = engine.allocate(net.size);
  changed.set(net.flat.map((value) => value * 1.5));
  const after = await runOnce(step, changed);
  assert.notEqual(after.outputs[0]![0], before.outputs[0]![0]);
  for (let call = 0; call < 200; call++) await runOnce(step, net.flat);
  assert.deepEqual(await runOnce(step, net.flat), before);
  assert.equal(engine.memory().tensors, tensors);
  step.dispose();
});

test("what a body assigns comes out as state, and the variable keeps its value", async () => {
  const moving = tf.variable(tf.tensor1d([1, 2]), false);
  const step = engine.trace({
    name: "assigning",
    inputs: [{ dtype: "float32", shape: [2] }],
    variables: [{ size: 2, slots: [{ variable: moving, offset: 0, shape: [2] }] }],
    assigned: [moving],
    body: ([x]) => {
      moving.assign(tf.add(tf.mul(moving, 0.5), x!) as tfjs.Tensor1D);
      return { streams: [], outputs: [] };
    },
  });
  const { state } = await step.run({
    inputs: [Float32Array.of(10, 20)],
    variables: [Float32Array.of(4, 6)],
    onStream: () => {},
  });
  assert.deepEqual([...state], [12, 23]);
  assert.deepEqual([...moving.dataSync()], [1, 2]);
});

test("a value read while tracing is refused, and says where", () => {
  const spec = { name: "reading", inputs: [{ dtype: "float32", shape: [1] }] as const, variables: [], assigned: [] };
  const body: TraceSpec["body"] = ([x]) => ({ streams: [], outputs: [tf.scalar(x!.add(1).dataSync()[0]!)] });
  assert.throws(() => engine.trace({ ...spec, body }), /value was read while tracing.*trace\.test\.js/s);
});

test("a constant that the host draws anew is refused", () => {
  const spec = { name: "drawing", inputs: [{ dtype: "float32", shape: [1] }] as const, variables: [], assigned: [] };
  const body: TraceSpec["body"] = ([x]) => ({ streams: [], outputs: [x!.add(Math.random())] });
  assert.throws(() => engine.trace({ ...spec, body }), /two runs of the same body differ/);
});

test("a large constant is refused unless it is a fill", async () => {
  const spec = {
    name: "freezing",
    inputs: [{ dtype: "float32", shape: [32768] }] as const,
    variables: [],
    assigned: [],
  };
  const data = Float32Array.from({ length: 32768 }, (_, index) => index);
  assert.throws(
    () => engine.trace({ ...spec, body: ([x]) => ({ streams: [], outputs: [x!.add(tf.tensor1d(data))] }) }),
    /\[32768\] \(131072 bytes\) were made on the host.*frozen into the step: the same noise in every step\. For dropout use tf\.layers\.dropout;.*trace\.test\.js/,
  );
  const ones = engine.trace({
    ...spec,
    body: ([x]) => ({ streams: [], outputs: [x!.add(tf.tensor1d(new Float32Array(32768).fill(2)))] }),
  });
  const { outputs } = await ones.run({ inputs: [data], variables: [], onStream: () => {} });
  assert.equal(outputs[0]![32767], 32769);
});

test("an op's failure carries TensorFlow's message and the op", async () => {
  assert.throws(
    () =>
      tf.matMul(tf.zeros([2, 3]), tf.zeros([3, 2])) &&
      engine.trace({
        name: "bad",
        inputs: [],
        variables: [],
        assigned: [],
        body: () => ({
          streams: [],
          outputs: [
            (tf.backend() as unknown as { executeSingleOutput(...args: unknown[]): tfjs.Tensor }).executeSingleOutput(
              "MatMul",
              [
                { name: "T", type: 4, value: 1 },
                { name: "transpose_a", type: 3, value: false },
                { name: "transpose_b", type: 3, value: false },
              ],
              [tf.zeros([2, 3]), tf.zeros([2, 3])],
            ),
          ],
        }),
      }),
    /MatMul.*Dimensions must be equal/s,
  );
});

test("a stream handler that throws ends the call with its error, and the next call works", async () => {
  const net = network();
  const step = engine.trace(stepSpec(net));
  const failing = step.run({
    inputs: [pixels, labels],
    variables: [net.flat],
    onStream: () => {
      throw new Error("handler broke");
    },
  });
  await assert.rejects(failing, /handler broke/);
  assert.equal((await runOnce(step, net.flat)).streams.length, 3);
});
