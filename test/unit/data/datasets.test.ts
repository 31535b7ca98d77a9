import assert from "node:assert/strict";
import { test } from "node:test";
import { datasetFacts, datasetNames, findDataset, loadDataset } from "../../../src/data/datasets.js";
import { EXIT, UsageError } from "../../../src/errors.js";

test("facts agree with what is loaded", async () => {
  for (const name of datasetNames()) {
    const facts = datasetFacts(name);
    assert.equal(facts.name, name);
    assert.ok(facts.license.length > 0 && facts.about.length > 0);
    assert.ok(findDataset(name, { cacheDir: "/nowhere" }).where.length > 0);
  }
  const options = { height: 6, width: 5, channels: 1, classes: 3, train: 12, test: 4 };
  const facts = datasetFacts("synthetic", options);
  const data = await loadDataset("synthetic", { cacheDir: "/nowhere", options });
  assert.deepEqual(
    [data.name, data.shape, data.classes, data.train.count, data.test.count, data.classNames.length],
    [facts.name, facts.shape, facts.classes, facts.train, facts.test, facts.classes],
  );
});

test("unknown names and options are refused before anything is read, the nearest name offered", async () => {
  const refusal = (message: RegExp) => (error: unknown) => {
    assert.ok(error instanceof UsageError);
    assert.equal(error.exitCode, EXIT.usage);
    assert.match(error.message, message);
    return true;
  };
  assert.throws(() => datasetFacts("fashion-mnits"), refusal(/"fashion-mnits" \(did you mean "fashion-mnist"\?/));
  assert.throws(() => datasetFacts("toString"), refusal(/unknown dataset "toString"/));
  const load = loadDataset("fashion-mnist", { cacheDir: "/nowhere", options: { seed: 3 } });
  await assert.rejects(load, refusal(/fashion-mnist has no option "seed"/));
});
