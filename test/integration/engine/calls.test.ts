/** What happens around a traced call: precision, ends in the middle, memory, refusals; and the eager binding's edges. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type * as tfjs from "@tensorflow/tfjs";
import type { Engine, Tf, TraceSpec } from "../../../src/engine/engine.js";
import { CnnDistError } from "../../../src/errors.js";
import { ROOT } from "../../support/fixtures.js";
import { temporaryDirectory } from "../../support/temporary.js";
import { openTestEngine, tensorflowDir } from "../../support/tensorflow.js";

let engine: Engine;
let tf: Tf;
before(async () => {
  engine = await openTestEngine();
  tf = engine.tf;
});
after(() => engine.close());

const code = (expected: string) => (error: unknown) => error instanceof CnnDistError && error.code === expected;
const nothing = () => {};

/** x + w in two streams of 4 MB each, and as state. */
function heavy(size = 1 << 20) {
  const variable = tf.tidy(() => tf.variable(tf.zeros([size])));
  const spec: TraceSpec = {
    name: "heavy",
    inputs: [{ dtype: "float32", shape: [size] }],
    variables: [{ size, slots: [{ variable, offset: 0, shape: [size] }] }],
    assigned: [],
    body: ([x]) => ({ streams: [[tf.add(x!, variable)], [tf.mul(x!, variable)]], outputs: [tf.sum(x!)] }),
  };
  const call = { inputs: [new Float32Array(size).fill(1)], variables: [engine.allocate(size)] };
  return { variable, spec, call };
}

/** A step that takes long enough to be ended in the middle. */
function longSpec(streams: boolean): TraceSpec {
  return {
    name: "long",
    inputs: [{ dtype: "float32", shape: [1200, 1200] }],
    variables: [],
    assigned: [],
    body: ([x]) => {
      let product = x!;
      for (let index = 0; index < 200; index++) product = tf.matMul(product as tfjs.Tensor2D, x as tfjs.Tensor2D);
      return { streams: streams ? [[x!], [product]] : [], outputs: [tf.sum(product)] };
    },
  };
}

test("resident memory stays where it is over 1,000 calls, and over calls that fail", async () => {
  const { spec, call, variable } = heavy(1 << 18);
  const step = engine.trace(spec);
  for (let index = 0; index < 200; index++) await step.run({ ...call, onStream: nothing });
  const { tensors } = engine.memory();
  const rss = process.memoryUsage.rss();
  for (let index = 0; index < 1000; index++) await step.run({ ...call, onStream: nothing });
  const failing = () => {
    throw new Error("handler broke");
  };
  for (let index = 0; index < 100; index++)
    await assert.rejects(step.run({ ...call, onStream: failing }), /handler broke/);
  const grown = process.memoryUsage.rss() - rss;
  assert.ok(grown < 60e6, `grew by ${grown} bytes; one MB kept a call would be 1,000 MB, one kept a failure 100 MB`);
  step.dispose();
  variable.dispose();
  assert.ok(engine.memory().tensors <= tensors - 1, "the queue is gone");
});

for (const streams of [true, false]) {
  test(`disposing in the middle of a call ${streams ? "with" : "without"} streams ends it, and nothing is left`, async () => {
    const step = engine.trace(longSpec(streams));
    const { tensors } = engine.memory();
    const input = Float32Array.from({ length: 1200 * 1200 }, () => 1e-4);
    let seen = 0;
    const running = step.run({ inputs: [input], variables: [], onStream: () => void seen++ });
    await assert.rejects(
      step.run({ inputs: [input], variables: [], onStream: nothing }),
      /long is already running; one call at a time/,
    );
    await new Promise((resolve) => setImmediate(resolve));
    step.dispose();
    await assert.rejects(running, code("cancelled"));
    assert.ok(seen < 2, "the last stream needs all 200 products");
    await assert.rejects(step.run({ inputs: [input], variables: [], onStream: nothing }), /long was disposed/);
    assert.equal(engine.memory().tensors, tensors);
  });
}

test("disposing between two streams of a call asks nothing more of the queue that went", async () => {
  const { tensors } = engine.memory();
  const { spec, call } = heavy(16);
  const step = engine.trace(spec);
  let seen = 0;
  const onStream = () => {
    seen++;
    step.dispose();
  };
  await assert.rejects(step.run({ ...call, onStream }), code("cancelled"));
  assert.equal(seen, 1);
  assert.equal(engine.memory().tensors, tensors);
});

test("close ends what computes, waits for it, and leaves an engine that works", async () => {
  const step = engine.trace(longSpec(true));
  const input = Float32Array.from({ length: 1200 * 1200 }, () => 1e-4);
  const ended = assert.rejects(step.run({ inputs: [input], variables: [], onStream: nothing }), code("cancelled"));
  await engine.close();
  await ended;
  const { spec, call } = heavy(16);
  const again = engine.trace(spec);
  assert.equal((await again.run({ ...call, onStream: nothing })).outputs[0]![0], 16);
  again.dispose();
});

test("inputs of the wrong length or type are refused before TensorFlow reads them", async () => {
  const { spec, call } = heavy(16);
  const step = engine.trace(spec);
  const run = (changes: Partial<Parameters<typeof step.run>[0]>) =>
    step.run({ ...call, onStream: nothing, ...changes });
  await assert.rejects(run({ inputs: [new Float32Array(15)] }), /input 0 has 15 elements; its shape \[16\] needs 16/);
  await assert.rejects(run({ inputs: [] }), /input 0 has no elements/);
  await assert.rejects(run({ variables: [new Float32Array(17)] }), /variable vector 0 has 17 elements; it needs 16/);
  await assert.rejects(run({ inputs: [new Uint8Array(16)] }), /needs 64 bytes; received a Uint8Array of 16/);
  step.dispose();
});

test("a variable that is no input, and two variables of one tensor, are refused by name", () => {
  const { spec } = heavy(4);
  const other = tf.variable(tf.ones([4]), true, "forgotten");
  assert.throws(
    () => engine.trace({ ...spec, body: ([x]) => ({ streams: [], outputs: [tf.mul(x!, other)] }) }),
    /tracing Mul: variable forgotten is none of the traced function's/,
  );
  const value = tf.zeros([2]);
  const twins = [tf.variable(value, true, "left"), tf.variable(value, true, "right")];
  const slots = twins.map((variable, index) => ({ variable, offset: index * 2, shape: [2] }));
  assert.throws(
    () =>
      engine.trace({ ...spec, variables: [{ size: 4, slots }], body: () => ({ streams: [], outputs: [twins[0]!] }) }),
    /variable right shares its tensor with another variable/,
  );
  for (const variable of [other, ...twins]) variable.dispose();
});

test("a body that wires the same ops differently each time is refused", () => {
  let turn = 0;
  const spec: TraceSpec = {
    name: "turning",
    inputs: [
      { dtype: "float32", shape: [2] },
      { dtype: "float32", shape: [2] },
    ],
    variables: [],
    assigned: [],
    body: ([a, b]) => ({ streams: [], outputs: [turn++ % 2 === 0 ? tf.sub(a!, b!) : tf.sub(b!, a!)] }),
  };
  assert.throws(() => engine.trace(spec), /two runs of the same body differ, at "Sub/);
});

test("a failed trace leaves no tensors behind", () => {
  const { spec } = heavy(4);
  const body: TraceSpec["body"] = ([x]) => {
    tf.mul(x!, tf.tensor1d([1, 2, 3, 4]));
    throw new Error("body broke");
  };
  const traceAndCount = () => {
    assert.throws(() => engine.trace({ ...spec, body }), /body broke/);
    return [engine.memory().tensors, tf.memory().numTensors];
  };
  const first = traceAndCount(); // uploads the variable
  assert.deepEqual(traceAndCount(), first);
});

test("strings, booleans and integers come back from eager ops as they are", () => {
  const words = tf.tensor1d(["short", "a word of more than the twenty-two bytes that fit inside", "", "é"]);
  const replaced = tf.string.staticRegexReplace(words, "o", "0").dataSync() as unknown as string[];
  assert.deepEqual(replaced, ["sh0rt", "a w0rd 0f m0re than the twenty-tw0 bytes that fit inside", "", "é"]);
  assert.deepEqual([...tf.logicalNot(tf.tensor1d([true, false])).dataSync()], [0, 1]);
  assert.deepEqual([...tf.mul(tf.tensor1d([7, -3], "int32"), 2).dataSync()], [14, -6]);
  assert.deepEqual([...tf.topk(tf.tensor1d([1, 3, 2]), 2).indices.dataSync()], [1, 2]);
  assert.deepEqual([...tf.real(tf.complex([1, 2], [3, 4])).dataSync()], [1, 2]);
});

test("an eager op's failure names the op and its inputs' shapes", () => {
  const backend = tf.backend() as unknown as { executeSingleOutput(...args: unknown[]): tfjs.Tensor };
  assert.throws(
    () => backend.executeSingleOutput("NoSuchOp", [], [tf.zeros([2])]),
    /TensorFlow, NoSuchOp\(\[2\]\): .*NoSuchOp/s,
  );
});

const execute = promisify(execFile);

/** Loss and first gradients of a small convolution, as one line, computed in a process of its own. */
const STEP = `
const { openEngine } = await import(process.env.ENGINE);
const { tf, trace, allocate, info } = openEngine({ libraryDir: process.env.DIR, threads: 1, device: "cpu", precision: process.env.PRECISION });
const kernel = tf.variable(tf.randomNormal([3, 3, 16, 16], 0, 0.1, "float32", 1));
const vector = allocate(kernel.size);
vector.set(kernel.dataSync());
const step = trace({
  name: "step", inputs: [{ dtype: "float32", shape: [4, 8, 8, 16] }], assigned: [],
  variables: [{ size: kernel.size, slots: [{ variable: kernel, offset: 0, shape: kernel.shape }] }],
  body: ([x]) => {
    const { value, grads } = tf.variableGrads(() => tf.mean(tf.square(tf.relu(tf.conv2d(x, kernel, 1, "same")))), [kernel]);
    return { streams: [[grads[kernel.name]]], outputs: [value] };
  },
});
const lines = [];
for (let call = 0; call < 2; call++) {
  let gradient;
  const inputs = [Float32Array.from({ length: 4 * 8 * 8 * 16 }, (_, index) => Math.fround((index % 97) / 97))];
  const { outputs } = await step.run({ inputs, variables: [vector], onStream: (_, values) => {
    const all = new Float32Array(values.length);
    values.copyTo(all);
    gradient = [...all.slice(0, 8)];
  } });
  lines.push(JSON.stringify([outputs[0][0], gradient]));
}
console.log(JSON.stringify({ same: lines[0] === lines[1], step: lines[0], instructions: info.instructions }));
process.exit(0);
`;

async function stepIn(precision: string, home: string = ROOT): Promise<{ step: string; instructions: string }> {
  const { stdout, stderr } = await execute(process.execPath, ["--input-type=module", "-e", STEP], {
    env: {
      ...process.env,
      ENGINE: pathToFileURL(join(home, "dist/src/engine/open.js")).href,
      DIR: await tensorflowDir(),
      PRECISION: precision,
    },
  });
  assert.equal(stderr, "", "TensorFlow greets nobody");
  const result = JSON.parse(stdout) as { same: boolean; step: string; instructions: string };
  assert.ok(result.same, "two calls, one result");
  return result;
}

test("bf16 computes in bfloat16 where the processor can, near fp32's result", async () => {
  const [full, half] = [await stepIn("fp32"), await stepIn("bf16")];
  const [loss, gradient] = JSON.parse(full.step) as [number, number[]];
  const [halfLoss, halfGradient] = JSON.parse(half.step) as [number, number[]];
  if (/avx512f/.test(full.instructions)) assert.notEqual(half.step, full.step);
  assert.ok(Math.abs(halfLoss / loss - 1) < 0.02, `${halfLoss} against ${loss}`);
  gradient.forEach((value, index) =>
    assert.ok(
      Math.abs(halfGradient[index]! - value) < 0.05 * Math.abs(value) + 1e-4,
      `${halfGradient} against ${gradient}`,
    ),
  );
});

test("the engine works from a folder whose name has spaces and accents", async (context) => {
  const home = join(temporaryDirectory(context), "mon réseau #1");
  mkdirSync(home);
  cpSync(join(ROOT, "dist/src"), join(home, "dist/src"), { recursive: true });
  cpSync(join(ROOT, "dist/vendor"), join(home, "dist/vendor"), { recursive: true });
  writeFileSync(join(home, "package.json"), '{"type":"module","version":"0.0.0"}');
  symlinkSync(join(ROOT, "node_modules"), join(home, "node_modules"));
  assert.equal((await stepIn("fp32", home)).step, (await stepIn("fp32")).step);
});

test("precisions that the engine does not have yet, and a missing library, are refused", async () => {
  await assert.rejects(openTestEngine({ libraryDir: "/nonexistent" }), /libtensorflow_framework.so.2 does not exist/);
  await openTestEngine();
  // Told from what is open: a second context for the GPU could never be freed.
  await assert.rejects(openTestEngine({ device: "gpu" }), {
    code: "no-gpu",
    message: /open in this process for the CPU alone/,
  });
});
