/** Weights under torchvision's names give torchvision's logits. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Engine } from "../../../src/engine/engine.js";
import { classifierOf } from "../../../src/evaluation/classifier.js";
import { parametersOf } from "../../../src/models/parameters.js";
import { buildModel } from "../../../src/models/registry.js";
import { warmStart } from "../../../src/models/warm-start.js";
import { withoutAuxiliary } from "../../../src/models/without-auxiliary.js";
import { layoutOf } from "../../../src/parameters/layout.js";
import { readFixture } from "../../support/fixtures.js";
import { openTestEngine } from "../../support/tensorflow.js";
import { imageBytes, type StateDictFixture, stateDict } from "../../support/torchvision.js";

const FIXTURES = readFixture<Record<string, StateDictFixture>>("torchvision.json");

let engine: Engine;
before(async () => {
  engine = await openTestEngine({ threads: 2 });
});
after(() => engine.close());

for (const [model, fixture] of Object.entries(FIXTURES)) {
  test(`${model}: torchvision's state dict loads strictly and gives PyTorch's logits`, async () => {
    const spec = buildModel(model, { input: [224, 224, 3], classes: 1000 });
    const layout = layoutOf(parametersOf(spec));
    const values = { weights: new Float32Array(layout.size), state: new Float32Array(layout.stateSize) };
    const { loaded, total, kept, names } = warmStart(
      spec,
      layout,
      values,
      { path: `${model}.safetensors`, tensors: stateDict(fixture) },
      "strict",
    );
    assert.deepEqual([loaded, kept, names], [total, [], "torchvision"]);
    const classifier = classifierOf(engine, withoutAuxiliary(spec), { layout, ...values });
    const logits = await classifier.logits(imageBytes());
    const largest = Math.max(...fixture.logits.map(Math.abs));
    logits.forEach((logit, index) => {
      const off = Math.abs(logit - fixture.logits[index]!);
      assert.ok(off <= 1e-4 * Math.max(1, largest), `logit ${index}: ${logit}, PyTorch's is ${fixture.logits[index]}`);
    });
    assert.equal(logits.length, 1000);
  });
}
