/**
 * A process that takes training steps of alexnet at 224x224 with 1,000 classes, and prints as JSON their milliseconds, the
 * SHA-256 of all losses and gradients, and what lies where. Arguments: images a step, devices, threads a device, steps.
 */
import { createHash } from "node:crypto";
import type { Placement } from "../src/engine/engine.js";
import { openEngine } from "../src/engine/open.js";
import { buildNetwork } from "../src/layers/build.js";
import { initialValues } from "../src/models/init.js";
import { parametersOf } from "../src/models/parameters.js";
import { buildModel } from "../src/models/registry.js";
import { layoutOf } from "../src/parameters/layout.js";
import { Compute } from "../src/worker/compute.js";

export interface TowerStep {
  times: number[];
  sha256: string;
  placement: Placement | null;
}

const [batch = 4, devices = 1, threads = 1, steps = 2] = process.argv.slice(2).map(Number);
const shape = [224, 224, 3] as const;
const engine = openEngine({
  libraryDir: process.env.CNN_DIST_TENSORFLOW!,
  threads,
  device: "cpu",
  devices,
  precision: "fp32",
});
const spec = buildModel("alexnet", { input: shape, classes: 1000 });
const layout = layoutOf(parametersOf(spec));
const { weights } = initialValues(layout, 1);
const buckets = layout.buckets.map(({ offset, size }) => {
  const vector = engine.allocate(size);
  vector.set(weights.subarray(offset, offset + size));
  return vector;
});
const pixels = Uint8Array.from({ length: batch * 224 * 224 * 3 }, (_, index) => (index * 2654435761) >>> 24);
const labels = Int32Array.from({ length: batch }, (_, index) => index % 1000);
let placement: Placement | null = null;
const trace = engine.trace;
engine.trace = (given) => {
  const traced = trace(given);
  ({ placement } = traced);
  return traced;
};
const compute = new Compute({ engine, network: buildNetwork(engine, spec), layout, shape, labelSmoothing: 0 });
const hash = createHash("sha256");
const times: number[] = [];
// As in a run, gradients go to memory that is there: new memory is paged in, which takes longer than the copies.
const taken = Array.from(layout.buckets, ({ size }) => new Float32Array(size).fill(1));
for (let step = 0; step < steps; step++) {
  const start = performance.now();
  await compute.shard({ pixels, labels, scale: 1 / batch, seed: [1, step] }, buckets, {
    loss: (loss, hits) => void hash.update(new Uint8Array(Float32Array.of(loss, hits).buffer)),
    bucket: (index, values) => values.copyTo(taken[index]!),
  });
  times.push(performance.now() - start);
  for (const bucket of taken) hash.update(new Uint8Array(bucket.buffer));
}
const result: TowerStep = { times, sha256: hash.digest("hex"), placement };
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
