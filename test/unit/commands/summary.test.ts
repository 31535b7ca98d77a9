import assert from "node:assert/strict";
import { test } from "node:test";
import { modelSummary } from "../../../src/commands/summary.js";
import { UsageError } from "../../../src/errors.js";

const json = (args: Omit<Parameters<typeof modelSummary>[0], "json">) =>
  JSON.parse(modelSummary({ ...args, json: true }));

test("summary --json: the network's counts, and layers that add up to them", () => {
  const summary = json({ model: "tiny-bn" });
  assert.equal(summary.model, "tiny-bn");
  assert.deepEqual(summary.input, [28, 28, 1]);
  assert.equal(summary.classes, 10);
  // conv 3*3*1*8 and 3*3*8*16, batch normalisation 2*(8+16), dense 7*7*16*10 + 10
  assert.equal(summary.trainable_parameters, 72 + 1152 + 48 + 7850);
  assert.equal(summary.total_parameters, 72 + 1152 + 96 + 7850);
  assert.equal(summary.multiply_adds, 72 * 784 + 1152 * 196 + 7840);
  const sum = (key: string) =>
    summary.layers.reduce((all: number, layer: Record<string, number>) => all + layer[key]!, 0);
  assert.equal(sum("parameters"), summary.trainable_parameters);
  assert.equal(sum("multiply_adds"), summary.multiply_adds);
  assert.equal(sum("activation_bytes"), summary.activation_bytes);
});

test("summary: input and classes are the network's own, the data set's, or as given", () => {
  const of = (args: Partial<Parameters<typeof modelSummary>[0]>) => {
    const { input, classes, trainable_parameters } = json({ model: "vgg13", ...args });
    return [input.join("x"), classes, trainable_parameters];
  };
  assert.deepEqual(of({}), ["224x224x3", 1000, 133_047_848]);
  assert.deepEqual(of({ dataset: "cifar100" }), ["32x32x3", 100, 9_582_116]);
  assert.deepEqual(of({ input: [32, 32, 3], classes: 100 }), ["32x32x3", 100, 9_582_116]);
});

test("summary: activations grow with the batch, parameters do not", () => {
  const one = json({ model: "lenet5" });
  const many = json({ model: "lenet5", batchSize: 64 });
  assert.equal(many.activation_bytes, 64 * one.activation_bytes);
  assert.equal(many.layers[0].activation_bytes, 64 * one.layers[0].activation_bytes);
  assert.equal(many.trainable_parameters, one.trainable_parameters);
  const grown = many.worker_bytes - one.worker_bytes;
  assert.ok(grown > 0 && grown <= 63 * one.activation_bytes, "part of the activations is freed before the peak");
});

test("summary: a table for people", () => {
  const lines = modelSummary({ model: "lenet5", batchSize: 64, json: false }).split("\n");
  assert.match(lines[0]!, /^lenet5 +LeCun et al\. 1998, section II\.B$/);
  assert.ok(lines.some((line) => /^parameters +61,706 trainable \(247 kB\)$/.test(line)));
  assert.ok(lines.some((line) => /^c1 +conv2d +28x28x6 +156 +117,600 +1\.2 MB$/.test(line)));
  assert.ok(lines.every((line) => line === line.trimEnd() && line.length <= 100));
});

test("summary: bad input names the flag, what was received and what is expected", () => {
  const fails = (args: Omit<Parameters<typeof modelSummary>[0], "json">, message: RegExp) =>
    assert.throws(
      () => modelSummary({ ...args, json: false }),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  fails({ model: "lenet" }, /unknown model "lenet" \(did you mean "lenet5"/);
  fails({ model: "lenet5", dataset: "imagnet" }, /unknown dataset "imagnet"/);
  fails({ model: "lenet5", dataset: "cifar10", classes: 10 }, /not both/);
});

test("summary alexnet --devices-per-worker 2: what each device holds, and what crosses for one image", () => {
  const one = json({ model: "alexnet" });
  const two = json({ model: "alexnet", devicesPerWorker: 2 });
  assert.equal(one.devices, undefined);
  assert.deepEqual(two.devices[0], two.devices[1]);
  assert.equal(two.devices[0].parameters, one.trainable_parameters / 2);
  assert.deepEqual(two.crossings[2], { layer: "conv3", forward_bytes: 173_056, backward_bytes: 173_056 });
  const text = modelSummary({ model: "alexnet", devicesPerWorker: 2, json: false });
  assert.match(text, /^1 +30,482,612 +362,203,408 +2\.6 MB$/m);
  assert.match(text, /^conv3 +174 kB +174 kB$/m);
  assert.throws(() => modelSummary({ model: "vgg13", devicesPerWorker: 2, json: true }), { code: "towers" });
});
