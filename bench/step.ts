/** A process that prints the median milliseconds of a training step on one device. Arguments: model, batch, mode, threads, precision. */
import type * as tfjs from "@tensorflow/tfjs";
import { tf as tfjsBefore } from "../src/engine/native/backend.js";
import { openEngine } from "../src/engine/open.js";
import { buildNetwork } from "../src/layers/build.js";
import { initialValues } from "../src/models/init.js";
import { parametersOf } from "../src/models/parameters.js";
import { buildModel } from "../src/models/registry.js";
import type { ImageShape } from "../src/models/spec.js";
import { layoutOf } from "../src/parameters/layout.js";
import { Compute } from "../src/worker/compute.js";
import { median } from "./table.js";

const [model = "vgg13", batchText = "128", mode = "captured", threadsText = "2", precision = "fp32"] =
  process.argv.slice(2);
if (precision !== "fp32" && precision !== "bf16") throw new RangeError(`precision fp32 or bf16, received ${precision}`);
const batch = Number(batchText);
/** As bench/peer_step.py has them: image, classes, steps, of which to warm up. */
const MODELS: Readonly<Record<string, [ImageShape, number, number, number]>> = {
  lenet5: [[28, 28, 1], 10, 300, 100],
  vgg13: [[32, 32, 3], 100, 7, 2],
  resnet18: [[32, 32, 3], 100, 7, 2],
  "alexnet-fashion": [[224, 224, 1], 10, 5, 2],
};
const [shape, classes, STEPS, WARM] = MODELS[model]!;

const stockRelu = tfjsBefore.getGradient("Relu");
const engine = openEngine({
  libraryDir: process.env.CNN_DIST_TENSORFLOW!,
  threads: Number(threadsText),
  device: "cpu",
  precision,
});
const { tf } = engine;
const spec = buildModel(model, { input: shape, classes });
const network = buildNetwork(engine, spec);
const layout = layoutOf(parametersOf(spec));
const { weights, state } = initialValues(layout, 1);
const pixels = Uint8Array.from(
  { length: batch * shape[0] * shape[1] * shape[2] },
  (_, index) => (index * 2654435761) >>> 24,
);
const labels = Int32Array.from({ length: batch }, (_, index) => index % classes);

async function captured(): Promise<number[]> {
  const compute = new Compute({ engine, network, layout, shape, labelSmoothing: 0 });
  const buckets = layout.buckets.map(({ offset, size }) => {
    const vector = engine.allocate(size);
    vector.set(weights.subarray(offset, offset + size));
    return vector;
  });
  if (layout.stateSize > 0) buckets.push(state);
  const hosts = layout.buckets.map(({ size }) => new Float32Array(size));
  const times: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    const start = performance.now();
    await compute.shard({ pixels, labels, scale: 1 / batch, seed: [1, step] }, buckets, {
      loss: () => {},
      bucket: (index, values) => values.copyTo(hosts[index]!),
    });
    times.push(performance.now() - start);
  }
  return times;
}

/** The same step with every op executed by itself, with tfjs's own gradients: as stock tfjs-node runs. */
function opByOp(): number[] {
  tf.unregisterGradient("Relu");
  tf.registerGradient(stockRelu);
  for (const slot of layout.trainable)
    network.variable(slot.name).assign(tf.tensor(weights.slice(slot.offset, slot.offset + slot.size), [...slot.shape]));
  const variables = layout.trainable.map(({ name }) => network.variable(name));
  const times: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    const start = performance.now();
    tf.tidy(() => {
      const x = tf.tensor4d(Float32Array.from(pixels), [batch, ...shape]);
      const y = tf.tensor1d(labels, "int32");
      const seed = tf.tensor1d([1, step], "int32");
      const { grads } = tf.variableGrads(
        () =>
          tf.losses.softmaxCrossEntropy(
            tf.oneHot(y, classes),
            network.forward(tf.mul(x, 1 / 255), { training: true, seed }),
          ) as tfjs.Scalar,
        variables,
      );
      for (const variable of variables) grads[variable.name]!.dataSync();
    });
    times.push(performance.now() - start);
  }
  return times;
}

if (mode === "trace") {
  const compute = new Compute({ engine, network, layout, shape, labelSmoothing: 0 });
  const times: number[] = [];
  const trace = engine.trace;
  engine.trace = (given) => {
    const traced = trace(given);
    times.push(traced.traceMs);
    return traced;
  };
  const buckets = layout.buckets.map(({ size }) => engine.allocate(size));
  if (layout.stateSize > 0) buckets.push(state);
  await compute.shard({ pixels, labels, scale: 1 / batch, seed: [1, 1] }, buckets, {
    loss: () => {},
    bucket: () => {},
  });
  process.stdout.write(`${times[0]}\n`);
} else {
  const times = mode === "captured" ? await captured() : opByOp();
  process.stdout.write(`${median(times.slice(WARM))}\n`);
}
process.exit(0);
