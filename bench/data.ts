/**
 * A process that prints the mean milliseconds of a LeNet-5 step on one device. Arguments: mode, batch, threads. `repeated`:
 * the same batch again and again; `loaded`: Fashion-MNIST, gathered as a worker does it; `augmented`: with crops and flips.
 */
import { openPipeline } from "../src/data/augment/pipeline.js";
import { loadDataset } from "../src/data/datasets.js";
import { ShardLoader } from "../src/data/loader.js";
import { EpochOrder } from "../src/data/order.js";
import { openEngine } from "../src/engine/open.js";
import { buildNetwork } from "../src/layers/build.js";
import { initialValues } from "../src/models/init.js";
import { parametersOf } from "../src/models/parameters.js";
import { buildModel } from "../src/models/registry.js";
import { layoutOf } from "../src/parameters/layout.js";
import { cacheDirectory } from "../src/paths.js";
import { Compute } from "../src/worker/compute.js";

const [mode = "loaded", batchText = "128", threadsText = "1"] = process.argv.slice(2);
const batchSize = Number(batchText);
const STEPS = 400;
const WARM = 50;

const engine = openEngine({
  libraryDir: process.env.CNN_DIST_TENSORFLOW!,
  threads: Number(threadsText),
  device: "cpu",
  precision: "fp32",
});
const { shape, classes, train } = await loadDataset("fashion-mnist", { cacheDir: cacheDirectory(), options: {} });
const pipeline = openPipeline({
  augmentation: mode === "augmented" ? [{ step: "padAndCrop", padding: 2 }, { step: "horizontalFlip" }] : [],
  shape,
  form: "training",
  seed: 1,
});
const spec = buildModel("lenet5", { input: pipeline.shape, classes });
const layout = layoutOf(parametersOf(spec));
const compute = new Compute({
  engine,
  network: buildNetwork(engine, spec),
  layout,
  shape: spec.input,
  labelSmoothing: 0,
});
const { weights } = initialValues(layout, 1);
const buckets = layout.buckets.map(({ offset, size }) => {
  const vector = engine.allocate(size);
  vector.set(weights.subarray(offset, offset + size));
  return vector;
});
const hosts = layout.buckets.map(({ size }) => new Float32Array(size));
const order = new EpochOrder(1, train.count);
const loader = new ShardLoader(train, shape, pipeline);
const perEpoch = Math.floor(train.count / batchSize);
const place = (step: number) => {
  const epoch = Math.floor(step / perEpoch);
  const indices = order.samples({ epoch, stepInEpoch: step % perEpoch, batchSize, shards: 1, shard: 0 });
  return { epoch, indices };
};

const fixed = await loader.take("fixed", place(0).indices, 0);
let start = performance.now();
for (let step = 0; step < WARM + STEPS; step++) {
  if (step === WARM) start = performance.now();
  const { epoch, indices } = place(step);
  const shard = mode === "repeated" ? fixed : await loader.take(`${step}`, indices, epoch);
  const input = { pixels: shard.pixels, labels: shard.labels, scale: 1 / batchSize, seed: [1, step] as const };
  const computing = compute.shard(input, buckets, {
    loss: () => {},
    bucket: (index, values) => values.copyTo(hosts[index]!),
  });
  if (mode !== "repeated") {
    const next = place(step + 1);
    loader.prepare(`${step + 1}`, next.indices, next.epoch);
  }
  await computing;
  if (mode !== "repeated") shard.release();
}
process.stdout.write(`${(performance.now() - start) / STEPS}\n`);
process.exit(0);
