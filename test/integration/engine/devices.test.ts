/** A traced function over two logical devices of the CPU. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type * as tfjs from "@tensorflow/tfjs";
import type { Engine, TracedFunction } from "../../../src/engine/engine.js";
import { wavy } from "../../support/gradient.js";
import { openTestEngine } from "../../support/tensorflow.js";

const [ROWS, IN, OUT] = [4, 6, 5];
const FIRST = 3;

let engine: Engine;
before(async () => {
  engine = await openTestEngine({ devices: 2 });
});
after(() => engine.close());

/** The sum of w's products with x, squared, once over all columns and once over columns 1 to 3; and its gradient. */
function traced(product: (x: tfjs.Tensor2D, w: tfjs.Tensor2D) => [all: tfjs.Tensor, middle: tfjs.Tensor]) {
  const { tf } = engine;
  const variable = tf.variable(tf.zeros([IN, OUT])) as tfjs.Variable<tfjs.Rank.R2>;
  return engine.trace({
    name: "products",
    inputs: [{ dtype: "uint8", shape: [ROWS, IN] }],
    variables: [{ size: IN * OUT, slots: [{ variable, offset: 0, shape: [IN, OUT] }] }],
    assigned: [],
    body: ([x]) => {
      const { value, grads } = tf.variableGrads(() => {
        const [all, middle] = product(tf.mul(x!, 1 / 255) as tfjs.Tensor2D, variable);
        return tf.add(tf.sum(tf.square(all)), tf.sum(tf.square(middle))) as tfjs.Scalar;
      }, [variable]);
      return { streams: [[value], [grads[variable.name]!]], outputs: [] };
    },
  });
}

async function run(step: TracedFunction): Promise<{ loss: number; gradient: number[]; worked: number[] }> {
  const weights = engine.allocate(IN * OUT);
  weights.set(wavy(IN * OUT, 1));
  const pixels = Uint8Array.from({ length: ROWS * IN }, (_, index) => (index * 41) % 256);
  const streams: number[][] = [];
  const { devices } = await step.run({
    inputs: [pixels],
    variables: [weights],
    onStream: (index, values) => {
      const copy = new Float32Array(index === 0 ? 1 : IN * OUT);
      values.copyTo(copy);
      streams[index] = [...copy];
    },
  });
  for (const { startMs, endMs } of devices) assert.ok(startMs >= 0 && endMs > startMs && endMs < 600_000);
  const worked = [...new Set(devices.map(({ device }) => device))].sort();
  return { loss: streams[0]![0]!, gradient: streams[1]!, worked };
}

const onTwo = () =>
  traced((x, w) => {
    const { tf, ops } = engine;
    const parts = ops.scatter(w, [FIRST, OUT - FIRST]);
    const products = parts.map((part, device) => engine.at(device, () => tf.matMul(x, part as tfjs.Tensor2D)));
    products.forEach((each, device) => {
      ops.finished(each, device);
    });
    const [all, middle] = ops.gather(products, [
      [0, OUT],
      [1, 4],
    ]);
    return [all!, middle!];
  });
const onOne = () =>
  traced((x, w) => {
    const { tf } = engine;
    const all = tf.matMul(x, w);
    return [all, tf.slice(all, [0, 1], [ROWS, 3])];
  });

test("values and gradients are those of the same function without devices", async () => {
  const [two, one] = [await run(onTwo()), await run(onOne())];
  assert.ok(Math.abs(two.loss / one.loss - 1) < 1e-6);
  two.gradient.forEach((value, index) => {
    assert.ok(Math.abs(value - one.gradient[index]!) < 1e-5, `${index}: ${value} and ${one.gradient[index]}`);
  });
  assert.deepEqual(await run(onTwo()), two);
  assert.deepEqual([two.worked, one.worked], [[0, 1], []], "when each device worked is told");
});

test("each device has its part of the variable, and gradients go back the way that their tensors came", () => {
  const { devices, crossings } = onTwo().placement!;
  const column = 4 * ROWS;
  assert.deepEqual(
    devices.map(({ parameters }) => parameters),
    [4 * IN * FIRST, 4 * IN * (OUT - FIRST)],
  );
  assert.deepEqual(
    crossings.slice(0, 2),
    [
      { from: 1, to: 0, bytes: column * (OUT - FIRST), backward: false },
      { from: 0, to: 1, bytes: column * 2, backward: false },
    ],
    "columns 3 and 4 for all, columns 1 and 2 for the middle",
  );
  const back = crossings.filter(({ backward }) => backward);
  assert.deepEqual(back, [
    { from: 1, to: 0, bytes: column * 2, backward: true },
    { from: 0, to: 1, bytes: column * (OUT - FIRST), backward: true },
  ]);
});

test("a function without devices has no placement, and a process no second number of devices", async () => {
  assert.equal(onOne().placement, null);
  assert.equal(engine.devices, 2);
  await assert.rejects(openTestEngine(), {
    code: "engine-open",
    message:
      /open in this process with threads 1, 2 devices, each cpu.*cannot open it again with threads 1, device cpu/,
  });
});
