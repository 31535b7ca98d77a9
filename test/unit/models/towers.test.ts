import assert from "node:assert/strict";
import { test } from "node:test";
import { summarize } from "../../../src/models/parameters.js";
import { buildModel } from "../../../src/models/registry.js";
import type { LayerSpec, ModelSpec } from "../../../src/models/spec.js";
import { towerCosts } from "../../../src/models/tower-costs.js";
import { assertDevices, towersOf } from "../../../src/models/tower-devices.js";
import { partsOf, towerCrossings, towerLayers } from "../../../src/models/towers.js";

const ALEXNET = buildModel("alexnet", { input: [224, 224, 3], classes: 1000 });
const layer = (name: string) => towerLayers(ALEXNET).find((each) => each.layer.name === name)!;

test("parts are as equal as whole channels allow, the larger ones first", () => {
  assert.deepEqual(partsOf(7, 2), [
    [0, 4],
    [4, 7],
  ]);
  assert.deepEqual(partsOf(8, 3), [
    [0, 3],
    [3, 6],
    [6, 8],
  ]);
});

test("figure 2: conv2, conv4 and conv5 read the maps of their own tower, conv3 and the dense layers those of both", () => {
  for (const name of ["conv2", "conv4", "conv5", "pool1", "pool5", "drop6"])
    assert.deepEqual(layer(name).reads, layer(name).has, name);
  for (const [name, channels] of [
    ["conv3", 256],
    ["flatten", 256],
    ["fc7", 4096],
    ["fc8", 4096],
  ] as const)
    assert.deepEqual(
      layer(name).reads,
      [
        [0, channels],
        [0, channels],
      ],
      name,
    );
  assert.deepEqual(layer("conv1").reads, [
    [0, 3],
    [0, 3],
  ]);
});

test("normalisation reads two channels of its neighbour, as it does on one device", () => {
  assert.deepEqual(layer("lrn1").reads, [
    [0, 50],
    [46, 96],
  ]);
  assert.deepEqual(layer("lrn1").makes, [
    [0, 48],
    [48, 96],
  ]);
});

test("what crosses goes back the same way, part by part", () => {
  const crossings = towerCrossings(ALEXNET);
  const forward = crossings.filter(({ backward }) => !backward);
  const backward = crossings.filter((each) => each.backward);
  const bytes = (list: typeof crossings) => list.map((each) => each.bytes);
  // Two channels of 55x55 to either side, then of 27x27; half of 13x13x256; of 6x6x256; of 4,096; and 500 logits.
  const expected = [48_400, 11_664, 173_056 / 2, 36_864 / 2, 8_192, 8_192].flatMap((each) => [each, each]);
  assert.deepEqual(bytes(forward).slice(0, 4), [24_200, 24_200, 5_832, 5_832]);
  assert.deepEqual(bytes(forward).slice(4, 6), [86_528, 86_528]);
  assert.deepEqual(bytes(forward).slice(-1), [2_000]);
  assert.equal(expected.length + 1, forward.length);
  assert.deepEqual(bytes(backward), bytes(forward).toReversed());
  assert.deepEqual(forward[0], { layer: "lrn1", from: 1, to: 0, bytes: 24_200, backward: false });
  assert.deepEqual(backward.at(-2), { layer: "lrn1", from: 1, to: 0, bytes: 24_200, backward: true });
});

test("the devices' costs add up to the network's, and neither has more than 0.52", () => {
  const { devices, crossings } = towerCosts(ALEXNET);
  const summary = summarize(ALEXNET);
  const sum = (key: "parameters" | "multiply_adds" | "activation_bytes") =>
    devices.reduce((total, device) => total + device[key], 0);
  assert.equal(sum("parameters"), summary.trainable_parameters);
  assert.equal(sum("multiply_adds"), summary.multiply_adds);
  // Both hold what was flattened.
  assert.equal(sum("activation_bytes"), summary.activation_bytes + 4 * 9216);
  for (const device of devices) {
    assert.ok(device.parameters <= 0.52 * summary.trainable_parameters);
    assert.ok(device.activation_bytes <= 0.52 * summary.activation_bytes);
  }
  assert.deepEqual(
    crossings.map((each) => each.layer),
    ["lrn1", "lrn2", "conv3", "flatten", "fc7", "fc8", "loss"],
  );
  assert.ok(crossings.every((each) => each.forward_bytes === each.backward_bytes));
});

test("an odd number of classes: the first tower has one more", () => {
  const spec = buildModel("alexnet", { input: [32, 32, 1], classes: 7 });
  assert.deepEqual(towerLayers(spec).at(-1)!.makes, [
    [0, 4],
    [4, 7],
  ]);
});

test("layers that towers cannot share are refused by name", () => {
  const refuses = (layers: LayerSpec[], message: RegExp) => {
    const spec: ModelSpec = { name: "net", source: "", input: [8, 8, 4], classes: 2, towers: 2, output: "c", layers };
    assert.throws(() => towerLayers(spec), { name: "RangeError", message });
  };
  const conv = { kind: "conv2d", filters: 4, kernel: 1, padding: "same", bias: false } as const;
  refuses([{ ...conv, name: "c", groups: 4 }], /layer c: 2 towers can share a convolution of 1 or 2 groups/);
  refuses([{ kind: "batchNorm", name: "c", epsilon: 1e-5, momentum: 0.9 }], /layer c: towers cannot share a batchNorm/);
  refuses(
    [
      { ...conv, name: "a" },
      { ...conv, name: "b", inputs: [""] },
    ],
    /layer b takes .*chain/,
  );
});

test("devices: as many as towers or one, and a network without towers names those that have them", () => {
  const refuses = (devices: number, model: ReturnType<typeof towersOf>, message: RegExp) =>
    assert.throws(() => assertDevices(devices, model), { code: "towers", message });
  const alexnet = towersOf({ kind: "table", name: "alexnet", options: {} });
  assertDevices(1, alexnet);
  assertDevices(2, alexnet);
  refuses(3, alexnet, /--devices-per-worker 3: alexnet has 2 towers/);
  refuses(
    2,
    towersOf({ kind: "table", name: "vgg13", options: {} }),
    /vgg13 has no towers.*that has towers: alexnet\./,
  );
  refuses(
    2,
    towersOf({ kind: "table", name: "alexnet", options: { groups: 1 } }),
    /alexnet with groups=1 has no towers/,
  );
  refuses(2, towersOf({ kind: "file", path: "/m/model.json", sha256: "" }), /model\.json has no towers/);
});
