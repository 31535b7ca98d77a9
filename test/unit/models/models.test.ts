import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { initialValues } from "../../../src/models/init.js";
import { parametersOf, summarize, topologySha256 } from "../../../src/models/parameters.js";
import { buildModel, modelFacts, modelNames } from "../../../src/models/registry.js";
import { shapesOf, windowsOver } from "../../../src/models/shapes.js";
import type { ImageShape } from "../../../src/models/spec.js";
import { layoutOf } from "../../../src/parameters/layout.js";

const natural = (name: string) => buildModel(name, modelFacts(name).natural);

const EXACT: [string, number][] = [
  ["lenet5", 61_706],
  ["vgg11", 132_863_336],
  ["vgg13", 133_047_848],
  ["vgg16", 138_357_544],
  ["vgg19", 143_667_240],
  ["vgg11-bn", 132_868_840],
  ["vgg13-bn", 133_053_736],
  ["vgg16-bn", 138_365_992],
  ["vgg19-bn", 143_678_248],
];
for (const [name, count] of EXACT) {
  test(`${name} has ${count} trainable parameters`, () => {
    assert.equal(summarize(natural(name)).trainable_parameters, count);
  });
}

test("vgg13's small form, for CIFAR-100, has 9,582,116", () => {
  const spec = buildModel("vgg13", { input: [32, 32, 3], classes: 100 });
  assert.equal(summarize(spec).trainable_parameters, 9_582_116);
  assert.deepEqual(shapesOf(spec).get("pool5"), [1, 1, 512]);
});

test("VGG's feature maps at 224 are the paper's", () => {
  const shapes = shapesOf(natural("vgg16"));
  const maps = ["conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3", "pool5"].map((layer) =>
    shapes.get(layer)!.join("x"),
  );
  assert.deepEqual(maps, ["224x224x64", "112x112x128", "56x56x256", "28x28x512", "14x14x512", "7x7x512"]);
});

test("every network takes every size and channel count that it should", () => {
  const inputs: ImageShape[] = [
    [28, 28, 1],
    [32, 32, 3],
    [64, 64, 3],
    [96, 80, 3],
  ];
  for (const name of modelNames()) {
    for (const input of inputs) {
      const spec = buildModel(name, { input, classes: 7 });
      assert.deepEqual(shapesOf(spec).get(spec.output), [7], `${name} on ${input}`);
    }
  }
});

test("windows: same, valid and numeric padding count the positions of a sliding window", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 4 }),
      fc.nat(3),
      (size, kernel, stride, pad) => {
        const slide = (length: number) => {
          let count = 0;
          for (let at = 0; at + kernel <= length; at += stride) count++;
          return count;
        };
        assert.equal(Math.max(0, windowsOver(size, kernel, stride, "valid")), slide(size));
        assert.equal(Math.max(0, windowsOver(size, kernel, stride, pad)), slide(size + 2 * pad));
        assert.equal(windowsOver(size, kernel, stride, "same"), Math.ceil(size / stride));
      },
    ),
  );
});

test("initial values follow from seed and name, with the rule's deviation", () => {
  const parameters = parametersOf(buildModel("vgg11", { input: [32, 32, 3], classes: 10 }));
  const one = layoutOf(parameters);
  const other = layoutOf(parameters, 1000);
  const { weights } = initialValues(one, 3);
  const again = initialValues(other, 3).weights;
  for (const slot of one.trainable) {
    const twin = other.trainable.find(({ name }) => name === slot.name)!;
    assert.deepEqual(
      weights.subarray(slot.offset, slot.offset + slot.size),
      again.subarray(twin.offset, twin.offset + twin.size),
      slot.name,
    );
  }
  const kernel = one.trainable.find(({ name }) => name === "conv3_1/kernel")!;
  const values = weights.subarray(kernel.offset, kernel.offset + kernel.size);
  const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length;
  assert.ok(Math.abs(variance / (2 / (9 * 128)) - 1) < 0.02, `variance ${variance}`);
  assert.notDeepEqual(initialValues(one, 4).weights.subarray(0, 50), weights.subarray(0, 50));
});

test("an unknown model offers the nearest names; an unknown or wrong option is named", () => {
  const shape = { input: [28, 28, 1] as const, classes: 10 };
  assert.throws(() => buildModel("vg13", shape), /unknown model "vg13".*did you mean "vgg13"/);
  assert.throws(
    () => buildModel("tiny-bn", { ...shape, options: { dropot: 0.1 } }),
    /no option "dropot" \(did you mean "dropout"/,
  );
  assert.throws(
    () => buildModel("tiny-bn", { ...shape, options: { dropout: 1 } }),
    /option dropout: expected a number from 0.*received 1/,
  );
});

test("the topology's hash changes with the network and not with its name", () => {
  const of = (name: string, classes: number) => topologySha256(buildModel(name, { input: [28, 28, 1], classes }));
  assert.equal(of("vgg11", 10), of("vgg11", 10));
  assert.notEqual(of("vgg11", 10), of("vgg11", 11));
  assert.notEqual(of("vgg11", 10), of("vgg13", 10));
});
