import assert from "node:assert/strict";
import { test } from "node:test";
import { entryOf } from "../../../src/web/recorded-events.js";
import { recordedEvents } from "../../support/recorded-runs.js";
import { DONE, EVALUATION, PLAN, STEP, worker } from "../../support/run-events.js";

const read = (event: object) => entryOf(JSON.stringify(event));

test("what runs record is read, with its time; of what no page shows there is nothing", () => {
  for (const event of recordedEvents("/runs/one", {})) {
    const entry = read(event);
    assert.ok(Array.isArray(entry), JSON.stringify(event));
    assert.deepEqual([entry[0], entry[1].event], [event.time, event.event]);
  }
  assert.equal(read({ event: "backup", step: 1 }), null);
  assert.equal(read({ event: "from another version" }), null);
  assert.deepEqual(read({ event: "log", level: "info", message: "hello", time: "noon" }), [
    null,
    { event: "log", level: "info", message: "hello", time: "noon" },
  ]);
});

test("a line that is no event, or lacks what the page reads, is damaged", () => {
  for (const line of ["", "{", "7", "null", "[1]", '"step"', "{}", '{"event":7}', '{"event":"step","loss":NaN}'])
    assert.equal(entryOf(line), "damaged", line);
  const { phases: _, ...withoutPhases } = STEP;
  const lost = worker(0, "lost");
  const rank = { shards: 2, wait_seconds: 0, input_seconds: 0, write_seconds: 0, idle_seconds: 0 };
  for (const event of [
    withoutPhases,
    { ...STEP, loss: null },
    { ...STEP, step: "12" },
    { ...STEP, ranks: { 0: rank } },
    { ...STEP, ranks: null },
    { ...PLAN, dataset: null },
    { ...PLAN, steps: null },
    { ...PLAN, recipe: {} },
    { ...PLAN, warnings: "none" },
    { ...PLAN, init_weights: "file" },
    { ...lost, log: 7 },
    { ...lost, rank: null },
    { ...EVALUATION, accuracy: null },
    { event: "checkpoint", step: 3, path: 3, size_bytes: 1, duration_seconds: 1 },
    { ...DONE, held_back: {} },
    { event: "log", level: "loud", message: "x" },
    { event: "log", level: "info" },
    { event: "rollback", step: 3 },
    { event: "pictures", step: 3, pictures: [{}] },
  ])
    assert.equal(read(event), "damaged", JSON.stringify(event));
});

test("what an older version's plan did not say is null", () => {
  const { page_url: _, metrics_url: __, init_weights: ___, prediction: ____, ...older } = PLAN;
  const entry = read(older);
  assert.ok(Array.isArray(entry) && entry[1].event === "plan");
  const { page_url, metrics_url, init_weights, prediction } = entry[1];
  assert.deepEqual([page_url, metrics_url, init_weights, prediction], [null, null, null, null]);
});
