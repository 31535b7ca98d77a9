import assert from "node:assert/strict";
import { test } from "node:test";
import { initialValues } from "../../../src/models/init.js";
import { parametersOf } from "../../../src/models/parameters.js";
import { buildModel } from "../../../src/models/registry.js";
import { toTorch } from "../../../src/models/torch-order.js";
import { torchvisionParameters } from "../../../src/models/torchvision.js";
import { warmStart } from "../../../src/models/warm-start.js";
import { layoutOf, sizeOf } from "../../../src/parameters/layout.js";

/** A network, its seeded values, and another's values as tensors. */
function start(model: string, { classes = 10, theirs = 10 } = {}) {
  const build = (count: number) => buildModel(model, { input: [28, 28, 1], classes: count });
  const spec = build(classes);
  const layout = layoutOf(parametersOf(spec));
  const values = initialValues(layout, 1);
  const other = layoutOf(parametersOf(build(theirs)));
  const drawn = initialValues(other, 2);
  const tensors = [
    ...other.trainable.map(({ name, shape, offset, size }) => ({
      name,
      shape,
      data: drawn.weights.slice(offset, offset + size).fill(0.5),
    })),
    ...other.state.map(({ name, shape, size }) => ({ name, shape, data: new Float32Array(size).fill(0.25) })),
  ];
  const load = (mode: "strict" | "partial", file = tensors) =>
    warmStart(spec, layout, values, { called: "--init-weights weights.safetensors", tensors: file }, mode);
  return { spec, layout, values, tensors, load };
}

test("all of a network's parameters and statistics come from the file, whatever its order", () => {
  const { load, values, tensors, layout } = start("tiny-bn");
  assert.deepEqual(load("strict", tensors.toReversed()), {
    names: "cnn-dist",
    total: layout.trainable.length + layout.state.length,
    loaded: layout.trainable.length + layout.state.length,
    kept: [],
  });
  for (const { offset, size } of layout.trainable)
    assert.ok(values.weights.subarray(offset, offset + size).every((value) => value === 0.5));
  assert.ok(values.state.every((value) => value === 0.25));
});

test("the layer of the classes may be of another size even in strict mode, and keeps its seeded values", () => {
  const { load, values, layout } = start("lenet5", { classes: 3 });
  const seeded = initialValues(layout, 1).weights;
  const { kept, loaded, total } = load("strict");
  assert.deepEqual(
    kept.map(({ name }) => name),
    ["output/kernel", "output/bias"],
  );
  assert.match(kept[0]!.reason, /the file's is \[84,10\], the network's \[84,3\]/);
  assert.equal(loaded, total - 2);
  for (const { name, offset, size } of layout.trainable) {
    const own = name.startsWith("output/");
    assert.deepEqual(
      values.weights.slice(offset, offset + size),
      own ? seeded.slice(offset, offset + size) : new Float32Array(size).fill(0.5),
      name,
    );
  }
});

test("strict refuses what is missing, of another shape or too much, with all three named, and changes nothing", () => {
  const { load, values, tensors, layout } = start("lenet5");
  const before = values.weights.slice();
  const file = tensors.slice(1).map((tensor) => (tensor.name === "c3/bias" ? { ...tensor, shape: [4, 4] } : tensor));
  file.push({ name: "c9/kernel", shape: [1], data: new Float32Array(1) });
  assert.throws(
    () => load("strict", file),
    (error: Error & { code: string; exitCode: number }) => {
      assert.deepEqual([error.code, error.exitCode], ["init-weights", 2]);
      assert.match(
        error.message,
        /2 not in it, or of another shape: c1\/kernel \(the file has none\), c3\/bias \(the file's is \[4,4\]/,
      );
      assert.match(error.message, /1 in it, and not in the network: c9\/kernel.*--init-weights-mode partial/);
      return true;
    },
  );
  assert.deepEqual(values.weights, before);
  const { kept, loaded } = load("partial", file);
  assert.deepEqual(
    kept.map(({ name }) => name),
    ["c1/kernel", "c3/bias"],
  );
  assert.equal(loaded, layout.trainable.length - 2);
});

test("the classes' layer must be there: only its size may differ", () => {
  const { load, tensors } = start("lenet5");
  assert.throws(
    () =>
      load(
        "strict",
        tensors.filter(({ name }) => !name.startsWith("output/")),
      ),
    /output\/kernel/,
  );
});

test("a file that fits nowhere is refused in either mode", () => {
  const { load } = start("lenet5");
  const data = new Float32Array(1);
  assert.throws(() => load("partial", [{ name: "other/kernel", shape: [1], data }]), { code: "init-weights" });
  assert.throws(() => load("partial", [{ name: "features.0.weight", shape: [1], data }]), {
    code: "init-weights",
    message: /torchvision's, which has no lenet5/,
  });
});

test("torchvision's counters are left aside, and its auxiliary heads by a network without", () => {
  const build = (auxiliaryHeads: boolean) =>
    buildModel("googlenet-bn", { input: [224, 224, 3], classes: 5, options: { auxiliaryHeads, width: 0.125 } });
  const spec = build(false);
  const layout = layoutOf(parametersOf(spec));
  const values = initialValues(layout, 1);
  const tensors = [
    { name: "conv1.conv.weight", shape: [8, 3, 7, 7], data: new Float32Array(8 * 3 * 49).fill(2) },
    { name: "conv1.bn.num_batches_tracked", shape: [], data: new Float32Array(1) },
    { name: "aux1.fc1.weight", shape: [1], data: new Float32Array(1) },
  ];
  const load = (mode: "strict" | "partial") => warmStart(spec, layout, values, { called: "f", tensors }, mode);
  assert.equal(load("partial").loaded, 1);
  const { offset, size } = layout.trainable.find(({ name }) => name === "conv1/kernel")!;
  assert.deepEqual(values.weights.slice(offset, offset + size), new Float32Array(size).fill(2));
  assert.throws(
    () => load("strict"),
    (error: Error) => !/in it, and not in the network/.test(error.message),
  );
});

/** A whole state dict of torchvision's names for the network, filled with ones. */
function torchTensors(model: string, input: [number, number, number]) {
  const spec = buildModel(model, { input, classes: 10, options: NARROW });
  const shapes = new Map(parametersOf(spec).map(({ name, shape }) => [name, shape]));
  return torchvisionParameters(spec)!.map(({ name, torch, order }) => {
    const shape = shapes.get(name)!;
    return { name: torch, ...toTorch({ shape, data: new Float32Array(sizeOf(shape)).fill(1) }, order) };
  });
}
const NARROW = { width: 1 / 16 };
function refusal(model: string, input: [number, number, number], tensors: ReturnType<typeof torchTensors>): string {
  const spec = buildModel(model, { input, classes: 10, options: NARROW });
  const layout = layoutOf(parametersOf(spec));
  try {
    warmStart(spec, layout, initialValues(layout, 1), { called: "--init-weights f", tensors }, "strict");
  } catch (error) {
    assert.equal((error as { code?: string }).code, "init-weights");
    return (error as Error).message;
  }
  return "loaded";
}

test("a strict refusal names the option that helps", () => {
  const small: [number, number, number] = [32, 32, 3];
  const headless = torchTensors("googlenet-bn", small).filter(({ name }) => !name.startsWith("aux"));
  assert.match(
    refusal("googlenet-bn", small, headless),
    /no auxiliary heads: give --model-option auxiliaryHeads=false/,
  );
  const alexnet = torchTensors("alexnet-owt", small);
  assert.match(refusal("alexnet", small, alexnet), /torchvision's alexnet-owt: give --model alexnet-owt\./);
  const large: [number, number, number] = [80, 80, 3]; // the form for small images has biases that torchvision's has not
  const resnet = torchTensors("resnet34", large);
  assert.match(refusal("resnet18", large, resnet), /torchvision's resnet34: give --model resnet34\./);
  assert.equal(refusal("resnet34", large, resnet), "loaded");
});

test("where all must come from the file, the layer of the classes must fit too", () => {
  const { spec, layout, values, tensors } = start("lenet5", { classes: 3 });
  const file = { called: "f.safetensors", tensors };
  assert.throws(() => warmStart(spec, layout, values, file, "whole"), {
    code: "init-weights",
    message: /output\/kernel \(the file's is \[84,10\], the network's \[84,3\]\).*data of its classes/,
  });
});
