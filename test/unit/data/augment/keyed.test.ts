/** What an image becomes depends on seed, epoch and image alone: neither on order, nor on neighbours, nor on the worker. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Augmentation, augmentationSchema } from "../../../../src/config/augmentation.js";
import { openPipeline } from "../../../../src/data/augment/pipeline.js";
import { ShardLoader } from "../../../../src/data/loader.js";
import { loadSynthetic } from "../../../../src/data/synthetic.js";

const { train, shape } = loadSynthetic({ height: 9, width: 8, channels: 3, classes: 2, train: 40, test: 1 });
const PRINCIPAL = {
  values: [0.1, 0.02, 0.005],
  vectors: [
    [0.6, 0.6, 0.53],
    [-0.7, 0.1, 0.7],
    [0.37, -0.79, 0.48],
  ],
} satisfies NonNullable<Parameters<typeof openPipeline>[0]["principal"]>;

const step = fc.oneof(
  fc.record({ step: fc.constant("padAndCrop"), padding: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ step: fc.constant("randomCrop"), size: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ step: fc.constant("randomResizedCrop"), size: fc.integer({ min: 4, max: 12 }) }),
  fc.record({ step: fc.constant("horizontalFlip") }),
  fc.record({ step: fc.constant("colorNoise"), stddev: fc.constantFrom(0.1, 3) }),
  fc.record({ step: fc.constant("resizeWithPad"), size: fc.integer({ min: 4, max: 12 }) }),
);
/** A crop last, since those before it may leave images that are smaller. */
const steps = fc
  .array(step, { maxLength: 5 })
  .map((list) =>
    augmentationSchema.parse(
      [...list]
        .sort((a, b) => Number(a.step === "randomCrop") - Number(b.step === "randomCrop"))
        .filter((each, at, all) => each.step !== "randomCrop" || at === all.length - 1),
    ),
  );

const loaderOf = (augmentation: Augmentation, seed: number) =>
  new ShardLoader(train, shape, openPipeline({ augmentation, shape, form: "training", seed, principal: PRINCIPAL }));

async function images(loader: ShardLoader, indices: readonly number[], epoch: number): Promise<Map<number, string>> {
  const { pixels, labels, release } = await loader.take("now", indices, epoch);
  const size = pixels.length / indices.length;
  const found = new Map(
    indices.map((index, at) => [index, Buffer.from(pixels.subarray(at * size, (at + 1) * size)).toString("hex")]),
  );
  assert.deepEqual(
    [...labels],
    indices.map((index) => train.labels[index]),
  );
  release();
  return found;
}

test("whatever shards an epoch's images are gathered in, each is the same", async () => {
  const indices = fc.uniqueArray(fc.nat(39), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(100), fc.nat(5), indices, indices, async (augmentation, seed, epoch, one, other) => {
      const first = await images(loaderOf(augmentation, seed), one, epoch);
      const worker = loaderOf(augmentation, seed);
      await images(worker, [3, 1], epoch + 1);
      const second = await images(worker, [...new Set([...other, ...one])].reverse(), epoch);
      for (const [index, image] of first) assert.equal(second.get(index), image);
    }),
  );
});

test("another epoch, seed or image is drawn anew", async () => {
  const augmentation = augmentationSchema.parse([{ step: "randomResizedCrop", size: 8 }]);
  const all = Array.from({ length: 40 }, (_, index) => index);
  const seen = await Promise.all(
    [
      [1, 0],
      [1, 1],
      [2, 0],
    ].map(async ([seed, epoch]) => images(loaderOf(augmentation, seed!), all, epoch!)),
  );
  for (const index of all) assert.equal(new Set(seen.map((each) => each.get(index))).size, 3);
});

test("evaluation draws nothing: seed and epoch do not matter", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (augmentation) => {
      const [one, other] = [1, 2].map((seed) =>
        openPipeline({ augmentation, shape, form: "evaluation", seed, principal: PRINCIPAL }),
      );
      const training = openPipeline({ augmentation, shape, form: "training", seed: 1, principal: PRINCIPAL });
      assert.deepEqual(one!.shape, training.shape);
      assert.deepEqual(
        await images(new ShardLoader(train, shape, one!), [1, 2, 3], 0),
        await images(new ShardLoader(train, shape, other!), [1, 2, 3], 4),
      );
    }),
  );
});
