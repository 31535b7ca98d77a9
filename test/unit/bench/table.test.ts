import assert from "node:assert/strict";
import { test } from "node:test";
import { alternate, digits, median, ratio, row } from "../../../bench/table.js";

test("medians and ratios, with the spread of the pairs", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(ratio([2, 4], [2, 2]), "1.50 (1.00 to 2.00)");
});

test("figures have three digits that count", () => {
  assert.deepEqual([0.1234, 1.234, 12.34, 1234.5].map(digits), ["0.12", "1.23", "12.3", "1,235"]);
});

test("what is compared is measured by turns", async () => {
  const order: string[] = [];
  const results = await alternate(2, {
    a: (round) => order.push(`a${round}`),
    b: async (round) => order.push(`b${round}`),
  });
  assert.deepEqual(order, ["a0", "b0", "a1", "b1"]);
  assert.deepEqual(results, { a: [1, 3], b: [2, 4] });
});

test("a row that cannot be measured says why, and fills its columns", async (context) => {
  context.after(() => {
    process.exitCode = 0;
  });
  const failed = await row("vgg13", 4, async () => {
    throw new Error("first line\nno module named torch | at all");
  });
  assert.deepEqual(failed, ["vgg13", "not measured: no module named torch / at all", "", ""]);
  assert.equal(process.exitCode, 1);
  const crashed = await row("vgg13", 2, async () => {
    throw new Error("Command failed: node x\n  at y\nTypeError: no such thing\n    at z\n\nNode.js v20");
  });
  assert.deepEqual(crashed, ["vgg13", "not measured: TypeError: no such thing"]);
  assert.deepEqual(await row("vgg13", 2, async () => ["1 ms"]), ["vgg13", "1 ms"]);
});
