import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { initialValues } from "../../../src/models/init.js";
import { parametersOf, predictWorkerBytes, summarize, topologySha256 } from "../../../src/models/parameters.js";
import { buildModel, modelFacts, modelNames } from "../../../src/models/registry.js";
import { shapesOf, windowsOver } from "../../../src/models/shapes.js";
import type { ImageShape } from "../../../src/models/spec.js";
import { codesFor } from "../../../src/models/tables/digits.js";
import { layoutOf, sizeOf } from "../../../src/parameters/layout.js";

const natural = (name: string) => buildModel(name, modelFacts(name).natural);

/** Trainable, and with moving statistics where they are published. */
const EXACT: [name: string, trainable: number, total?: number][] = [
  ["lenet5", 61_706],
  ["lenet5-1998", 60_000],
  ["alexnet", 60_965_224],
  ["alexnet-owt", 61_100_840],
  ["alexnet-fashion", 8_576_970],
  ["vgg11", 132_863_336],
  ["vgg13", 133_047_848],
  ["vgg16", 138_357_544],
  ["vgg19", 143_667_240],
  ["vgg11-bn", 132_868_840],
  ["vgg13-bn", 133_053_736],
  ["vgg16-bn", 138_365_992],
  ["vgg19-bn", 143_678_248],
  ["googlenet", 6_998_552],
  ["googlenet-bn", 6_624_904],
  ["resnet18", 11_689_512, 11_699_112],
  ["resnet34", 21_797_672, 21_814_696],
  ["resnet50", 25_557_032, 25_610_152],
  ["resnet101", 44_549_160, 44_654_504],
  ["resnet152", 60_192_808, 60_344_232],
  ["resnet18-v2", 11_687_720],
  ["resnet34-v2", 21_795_880],
  ["resnet50-v2", 25_549_352],
  ["resnet101-v2", 44_541_480],
  ["resnet152-v2", 60_185_128],
  ["resnet200-v2", 64_666_152, 64_834_472],
  ["resnet20", 269_722],
  ["resnet32", 464_154],
  ["resnet44", 658_586],
  ["resnet56", 853_018],
  ["resnet110", 1_727_962],
];
for (const [name, trainable, total] of EXACT) {
  test(`${name} has ${trainable} trainable parameters${total ? `, ${total} in all` : ""}`, () => {
    const summary = summarize(natural(name));
    assert.equal(summary.trainable_parameters, trainable);
    if (total !== undefined) assert.equal(summary.total_parameters, total);
  });
}

test("alexnet in one group, and googlenet with its heads", () => {
  const ungrouped = buildModel("alexnet", { ...modelFacts("alexnet").natural, options: { groups: 1 } });
  assert.equal(summarize(ungrouped).trainable_parameters, 62_378_344);
  const trained = (name: string) =>
    parametersOf(natural(name))
      .filter(({ role }) => role === "trainable")
      .reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  assert.equal(trained("googlenet"), 13_378_280);
  assert.equal(summarize(natural("googlenet")).auxiliary_parameters, 13_378_280 - 6_998_552);
  assert.equal(trained("googlenet-bn"), 13_004_888);
  const alone = buildModel("googlenet", { ...modelFacts("googlenet").natural, options: { auxiliaryHeads: false } });
  assert.equal(summarize(alone).auxiliary_parameters, 0);
  assert.equal(summarize(alone).trainable_parameters, 6_998_552);
});

test("the CIFAR-100 recipe's ResNet18 has 11,223,140, and 11,230,948 with moving statistics", () => {
  const summary = summarize(buildModel("resnet18", { input: [32, 32, 3], classes: 100 }));
  assert.equal(summary.trainable_parameters, 11_223_140);
  assert.equal(summary.total_parameters, 11_230_948);
});

test("AlexNet's, GoogLeNet's and ResNet's maps at 224 are the papers'", () => {
  const maps = (name: string, layers: readonly string[]) => {
    const shapes = shapesOf(natural(name));
    return layers.map((layer) => shapes.get(layer)!.join("x"));
  };
  assert.deepEqual(maps("alexnet", ["conv1", "pool1", "pool2", "conv4", "pool5"]), [
    "55x55x96",
    "27x27x96",
    "13x13x256",
    "13x13x384",
    "6x6x256",
  ]);
  assert.deepEqual(maps("googlenet", ["conv1", "pool1", "pool2", "i3b", "i4a", "i4e", "i5b", "aux4a_pool"]), [
    "112x112x64",
    "56x56x64",
    "28x28x192",
    "28x28x480",
    "14x14x512",
    "14x14x832",
    "7x7x1024",
    "4x4x512",
  ]);
  assert.deepEqual(maps("resnet50", ["conv1", "pool1", "s1b3_add", "s2b1_add", "s3b1_add", "s4b3_add"]), [
    "112x112x64",
    "56x56x64",
    "56x56x256",
    "28x28x512",
    "14x14x1024",
    "7x7x2048",
  ]);
});

test("the paper's bottleneck strides in its first convolution, today's in the 3x3", () => {
  const first = (options: object) =>
    shapesOf(buildModel("resnet50", { ...modelFacts("resnet50").natural, options: { ...options } })).get("s2b1_conv1");
  assert.deepEqual(first({}), [56, 56, 128]);
  assert.deepEqual(first({ strideIn: "1x1" }), [28, 28, 128]);
});

test("lenet5-1998: each digit's code is a bitmap of its own, other numbers of classes have codes far apart", () => {
  for (const classes of [10, 100]) {
    const codes = codesFor(classes);
    assert.equal(codes.length, classes);
    for (const [label, code] of codes.entries()) {
      assert.equal(code.length, 84);
      assert.ok(code.every((value) => value === 1 || value === -1));
      for (const other of codes.slice(label + 1))
        assert.ok(code.filter((value, at) => value !== other[at]).length >= 4, `${label} of ${classes}`);
    }
  }
  assert.deepEqual(codesFor(100), codesFor(100));
});

test("options: unknown names, wrong kinds and values out of range are told; width narrows a network", () => {
  const build = (name: string, options: Record<string, string | number | boolean>) =>
    buildModel(name, { input: [32, 32, 3], classes: 10, options });
  assert.throws(() => build("alexnet", { groups: 3 }), /option groups: expected one of 1, 2, received 3/);
  assert.throws(() => build("alexnet", { lrn: 1 }), /option lrn: expected true or false, received 1/);
  assert.throws(() => build("googlenet", { dropout: 1 }), /option dropout: expected a number from 0 up to/);
  assert.throws(() => build("resnet18", { strideIn: "3x3" }), /resnet18 has no option "strideIn".*It has width/);
  const quarter = build("resnet50", { width: 1 / 4 });
  assert.deepEqual(shapesOf(quarter).get("s4b3_add"), [4, 4, 512]);
});

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

/** Peaks of resident memory of a worker (VmHWM, MB), two workers of one thread; 1000 classes, and 10 of Fashion-MNIST's. */
const LARGE: ImageShape = [224, 224, 3];
const SMALL: ImageShape = [28, 28, 1];
const MEASURED: [name: string, input: ImageShape, imagesAShard: number, peakMb: number][] = [
  ["googlenet", LARGE, 2, 849],
  ["googlenet", LARGE, 8, 1068],
  ["googlenet", LARGE, 16, 1360],
  ["resnet18", LARGE, 8, 957],
  ["resnet50", LARGE, 1, 1086],
  ["resnet50", LARGE, 8, 1743],
  ["resnet152", LARGE, 2, 2035],
  ["resnet152", LARGE, 8, 3042],
  ["vgg11", LARGE, 1, 3613],
  ["vgg16", LARGE, 1, 3675],
  ["vgg19", LARGE, 2, 3827],
  ["vgg19", LARGE, 8, 4507],
  ["alexnet", LARGE, 4, 1899],
  ["alexnet-owt", LARGE, 16, 1886],
  ["resnet50-v2", LARGE, 4, 1310],
  ["googlenet-bn", LARGE, 8, 1109],
  ["lenet5", SMALL, 32, 557],
  ["resnet20", SMALL, 32, 664],
  ["resnet110", SMALL, 32, 925],
];
test("the memory that is predicted for a worker is within 15% of what was measured", () => {
  for (const [name, input, images, peak] of MEASURED) {
    const spec = buildModel(name, { input, classes: input === LARGE ? 1000 : 10 });
    const off = predictWorkerBytes(spec, images) / 1e6 / peak - 1;
    assert.ok(Math.abs(off) < 0.15, `${name}, ${images} a shard: off by ${(100 * off).toFixed(1)}%`);
  }
});
