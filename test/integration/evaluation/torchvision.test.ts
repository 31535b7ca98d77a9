/** Weights under torchvision's names give torchvision's logits. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Engine } from "../../../src/engine/engine.js";
import { classifierOf } from "../../../src/evaluation/classifier.js";
import type { ChannelStatistics } from "../../../src/layers/scaled-pixels.js";
import { parametersOf } from "../../../src/models/parameters.js";
import { buildModel, type ModelOptions } from "../../../src/models/registry.js";
import { torchvisionOptions } from "../../../src/models/torchvision.js";
import { warmStart } from "../../../src/models/warm-start.js";
import { withoutAuxiliary } from "../../../src/models/without-auxiliary.js";
import { layoutOf } from "../../../src/parameters/layout.js";
import { readFixture } from "../../support/fixtures.js";
import { openTestEngine } from "../../support/tensorflow.js";
import { imageBytes, type StateDictFixture, stateDict } from "../../support/torchvision.js";

const FIXTURES = readFixture<Record<string, StateDictFixture>>("torchvision.json");
const IMAGENET: ChannelStatistics = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };

let engine: Engine;
before(async () => {
  engine = await openTestEngine({ threads: 2 });
});
after(() => engine.close());

/** The logits of the fixtures' image, of a network whose weights are torchvision's state dict, loaded strictly. */
async function logitsOf(model: string, options: ModelOptions, normalizedBy: ChannelStatistics | null) {
  const spec = buildModel(model, { input: [224, 224, 3], classes: 1000, options });
  const layout = layoutOf(parametersOf(spec));
  const values = { weights: new Float32Array(layout.size), state: new Float32Array(layout.stateSize) };
  const { loaded, total, kept, names } = warmStart(
    spec,
    layout,
    values,
    { called: `${model}.safetensors`, tensors: stateDict(FIXTURES[model]!) },
    "strict",
  );
  assert.deepEqual([loaded, kept, names], [total, [], "torchvision"]);
  return classifierOf(engine, withoutAuxiliary(spec), { layout, ...values, normalizedBy }).logits(imageBytes());
}

function assertNear(logits: Float32Array, expected: readonly number[]): void {
  const largest = Math.max(...expected.map(Math.abs));
  logits.forEach((logit, index) => {
    const off = Math.abs(logit - expected[index]!);
    assert.ok(off <= 1e-4 * Math.max(1, largest), `logit ${index}: ${logit}, PyTorch's is ${expected[index]}`);
  });
  assert.equal(logits.length, expected.length);
}

for (const [model, { logits }] of Object.entries(FIXTURES)) {
  test(`${model}: torchvision's state dict loads strictly and gives PyTorch's logits`, async () => {
    assert.equal(logits.length, 1000);
    assertNear(await logitsOf(model, {}, null), logits);
  });
}

test("googlenet-bn with torchvision's options takes normalised images as its published weights expect them", async () => {
  const { transformed, logits } = FIXTURES["googlenet-bn"]!;
  assert.ok(Math.max(...transformed!.map((logit, at) => Math.abs(logit - logits[at]!))) > 0.1, "it matters");
  assertNear(await logitsOf("googlenet-bn", torchvisionOptions("googlenet-bn"), IMAGENET), transformed!);
});
