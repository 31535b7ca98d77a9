import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DoubleBuffer } from "../../../src/coordinator/training/weights.js";
import { loadSynthetic } from "../../../src/data/synthetic.js";
import type { Engine } from "../../../src/engine/engine.js";
import { buildNetwork } from "../../../src/layers/build.js";
import { initialValues } from "../../../src/models/init.js";
import { parametersOf } from "../../../src/models/parameters.js";
import { buildModel, modelFacts, modelNames } from "../../../src/models/registry.js";
import { layoutOf } from "../../../src/parameters/layout.js";
import { Compute } from "../../../src/worker/compute.js";
import { openTestEngine } from "../../support/tensorflow.js";
import { trainingMemory } from "../../support/training-memory.js";

let engine: Engine;
before(async () => {
  engine = await openTestEngine({ threads: 2 });
});
after(() => engine.close());

const STEPS = 10;
/** That of the reference takes eight minutes for all: `npm run test:whole`. */
const WIDTH = Number(process.env.CNN_DIST_TEST_WIDTH ?? 1 / 4);
const IMAGES = 8;
const { train, shape, classes } = loadSynthetic({ height: 28, width: 28, channels: 1, classes: 10, train: IMAGES });
const pixels = new Uint8Array(IMAGES * 28 * 28);
train.copyImages([...Array(IMAGES).keys()], pixels);
const OPTIMIZER = {
  name: "adam",
  momentum: 0.9,
  weightDecay: 0,
  beta1: 0.9,
  beta2: 0.999,
  rho: 0.99,
  epsilon: 1e-8,
} as const;

/** Losses of the same batch, step by step, as a worker and the coordinator make them of each other's results. */
async function lossesOf(name: string): Promise<number[]> {
  const options = "width" in modelFacts(name).options ? { width: WIDTH } : {};
  const spec = buildModel(name, { input: shape, classes, options });
  const layout = layoutOf(parametersOf(spec));
  const network = buildNetwork(engine, spec);
  const compute = new Compute({ engine, network, layout, shape, labelSmoothing: 0 });
  const memory = trainingMemory(layout, { shards: 1, optimizer: OPTIMIZER });
  const buffer = new DoubleBuffer(memory, {
    step: 0,
    slots: {},
    ema: null,
    residuals: [],
    ...initialValues(layout, 1),
  });
  const losses: number[] = [];
  for (let step = 1; step <= STEPS; step++) {
    const weights = buffer.view(step - 1);
    const vectors = weights.buckets.map((index) => weights.bucket(index));
    const given = { pixels, labels: train.labels, scale: 1 / IMAGES, seed: [1, step] } as const;
    const state = await compute.shard(given, vectors, {
      loss: (loss) => losses.push(loss),
      bucket: (index, values) => values.copyTo(memory.gradient(0, layout.buckets[index]!)),
    });
    for (const { index } of layout.buckets) memory.update(index, [0], { step, lr: 1e-4, scale: 1 });
    memory.updateState(step, state);
  }
  network.model.dispose();
  return losses;
}

for (const name of modelNames()) {
  test(`${name}: the loss falls in ten steps`, async () => {
    const losses = await lossesOf(name);
    assert.equal(losses.length, STEPS);
    assert.ok(losses.at(-1)! < losses[0]!, losses.map((loss) => loss.toFixed(3)).join(" "));
  });
}
