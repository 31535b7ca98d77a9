import assert from "node:assert/strict";
import { test } from "node:test";
import { filtered, LATEST_FIRST, ordered } from "../../../../src/web/state/rows.js";
import { runRow } from "../../../support/run-row.js";

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
