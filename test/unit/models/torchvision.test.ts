import assert from "node:assert/strict";
import { test } from "node:test";
import { parametersOf } from "../../../src/models/parameters.js";
import { buildModel, modelNames } from "../../../src/models/registry.js";
import { networksNamed, torchvisionOptions, torchvisionParameters } from "../../../src/models/torchvision.js";
import { sizeOf } from "../../../src/parameters/layout.js";
import { readFixture } from "../../support/fixtures.js";
import type { StateDictFixture } from "../../support/torchvision.js";

const imagenet = (model: string) => buildModel(model, { input: [224, 224, 3], classes: 1000 });
const MAPPED = [
  "alexnet-owt",
  ...["vgg11", "vgg13", "vgg16", "vgg19"].flatMap((name) => [name, `${name}-bn`]),
  "googlenet-bn",
  ...["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"],
];

test("every parameter of a network that torchvision has gets a name of its own there", () => {
  for (const model of MAPPED) {
    const spec = imagenet(model);
    const mapped = torchvisionParameters(spec)!;
    assert.deepEqual(
      new Set(mapped.map(({ name }) => name)),
      new Set(parametersOf(spec).map(({ name }) => name)),
      model,
    );
    assert.equal(new Set(mapped.map(({ torch }) => torch)).size, mapped.length, model);
  }
  for (const model of modelNames().filter((name) => !MAPPED.includes(name)))
    assert.equal(torchvisionParameters(buildModel(model, { input: [224, 224, 3], classes: 10 })), null, model);
});

test("the names and sizes are those of torchvision's state dicts", () => {
  for (const [model, { shapes }] of Object.entries(readFixture<Record<string, StateDictFixture>>("torchvision.json"))) {
    const spec = imagenet(model);
    const sizes = new Map(parametersOf(spec).map(({ name, shape }) => [name, sizeOf(shape)]));
    const ours = torchvisionParameters(spec)!.map(({ name, torch }) => [torch, sizes.get(name)]);
    const theirs = Object.entries(shapes).map(([name, shape]) => [name, sizeOf(shape)]);
    const byName = (a: unknown[], b: unknown[]) => (String(a[0]) < String(b[0]) ? -1 : 1);
    assert.deepEqual(ours.sort(byName), theirs.sort(byName), model);
  }
});

test("names that are known from torchvision's documentation", () => {
  const named = (model: string, name: string) =>
    torchvisionParameters(imagenet(model))!.find((each) => each.name === name)?.torch;
  assert.equal(named("alexnet-owt", "conv5/kernel"), "features.10.weight");
  assert.equal(named("alexnet-owt", "fc8/bias"), "classifier.6.bias");
  assert.equal(named("vgg16", "conv5_3/kernel"), "features.28.weight");
  assert.equal(named("vgg16-bn", "conv1_2_bn/moving_variance"), "features.4.running_var");
  assert.equal(named("resnet50", "s4b3_conv3/kernel"), "layer4.2.conv3.weight");
  assert.equal(named("resnet50", "s2b1_proj_bn/gamma"), "layer2.0.downsample.1.weight");
});

test("a network is known by the names of its parameters, with or without auxiliary heads and counters", () => {
  const names = (model: string) => torchvisionParameters(imagenet(model))!.map(({ torch }) => torch);
  for (const model of MAPPED) assert.deepEqual(networksNamed(names(model)), [model]);
  const headless = names("googlenet-bn").filter((name) => !name.startsWith("aux"));
  assert.deepEqual(networksNamed([...headless, "conv1.bn.num_batches_tracked"]), ["googlenet-bn"]);
  assert.deepEqual(networksNamed(names("resnet18").slice(1)), []);
});

test("torchvision's GoogLeNet has options of its own; a file that says what it was made with is believed", () => {
  assert.deepEqual(torchvisionOptions("googlenet-bn"), { auxiliaryPool: "adaptive", transformInput: true });
  assert.deepEqual(torchvisionOptions("googlenet-bn", { transformInput: true, width: 0.5 }), {
    auxiliaryPool: "5x5",
    transformInput: true,
  });
  assert.deepEqual(torchvisionOptions("resnet18"), {});
});
