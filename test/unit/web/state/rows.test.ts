import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunRow } from "../../../../src/runs/types.js";
import { asCsv, filtered, LATEST_FIRST, ordered } from "../../../../src/web/state/rows.js";

function runRow(given: Partial<RunRow>): RunRow {
  return {
    name: "one",
    path: "/runs/one",
    state: "done",
    model: "lenet5",
    dataset: "fashion-mnist",
    recipe_sha256: "a".repeat(64),
    weights_sha256: "b".repeat(64),
    started: 1_800_000_000,
    updated: 1_800_000_061,
    duration_seconds: 61,
    step: 2000,
    steps: 2000,
    epoch: 4.2,
    loss: 0.5,
    accuracy: 0.8,
    best_accuracy: 0.9,
    samples_per_second: 10_000,
    workers: 2,
    failure: null,
    held_back: null,
    page_url: null,
    hidden: false,
    warnings: [],
    ...given,
  };
}

const names = (rows: readonly { name: string }[]) => rows.map(({ name }) => name).join(" ");

test("the latest is on top; what is not known comes last in both directions", () => {
  const rows = [
    runRow({ name: "old", started: 1, loss: 3 }),
    runRow({ name: "unknown", started: null, loss: null }),
    runRow({ name: "new", started: 9, loss: 1 }),
  ];
  assert.equal(names(ordered(rows, LATEST_FIRST)), "new old unknown");
  assert.equal(names(ordered(rows, { key: "loss", descending: false })), "new old unknown");
  assert.equal(names(ordered(rows, { key: "loss", descending: true })), "old new unknown");
  assert.equal(names(rows), "old unknown new", "what was given is left as it is");
});

test("every word must be found somewhere; hidden runs are shown on request", () => {
  const rows = [
    runRow({ name: "a", model: "vgg13", dataset: "cifar10" }),
    runRow({ name: "b", model: "vgg11", dataset: "mnist", recipe_sha256: "f00d".repeat(16) }),
    runRow({ name: "c", model: "vgg13", hidden: true }),
  ];
  assert.equal(names(filtered(rows, { words: "", hidden: false })), "a b");
  assert.equal(names(filtered(rows, { words: "VGG13  cifar", hidden: false })), "a");
  assert.equal(names(filtered(rows, { words: "f00df00d", hidden: false })), "b");
  assert.equal(names(filtered(rows, { words: "vgg13", hidden: true })), "a c");
});

test("CSV: quoted where needed, and no spreadsheet takes a name for a formula", () => {
  const [head, first, second] = asCsv([
    runRow({ name: 'a "b", c', loss: null, best_accuracy: 0.25 }),
    runRow({ name: "=HYPERLINK(1)" }),
  ]).split("\r\n");
  assert.match(head!, /^name,state,model,dataset,step,/);
  assert.ok(first!.startsWith('"a ""b"", c",done,lenet5,'), first);
  assert.match(first!, /,0\.25,0\.8,,10000,/);
  assert.ok(second!.startsWith("'=HYPERLINK(1),"), second);
});
