import assert from "node:assert/strict";
import { test } from "node:test";
import { WholeLines } from "../../../src/runs/whole-lines.js";

function collect(pieces: readonly string[], longest?: number) {
  const got: (string | null)[] = [];
  const lines = new WholeLines(100, (line) => got.push(line?.toString() ?? null), longest);
  for (const piece of pieces) lines.add(Buffer.from(piece));
  return { got, offset: lines.offset - 100, end: lines.end - 100 };
}

test("lines come whole, however the file is cut; half a line at the end waits", () => {
  const whole = { got: ["one", "", "three"], offset: 11, end: 15 };
  assert.deepEqual(collect(["one\n\nthree\nhalf"]), whole);
  assert.deepEqual(collect([..."one\n\nthree\nhalf"]), whole);
  assert.deepEqual(collect([]), { got: [], offset: 0, end: 0 });
});

test("a line beyond all measure is told of and not kept, and what follows is read", () => {
  const text = `ok\n${"x".repeat(50)}\nnext\n`;
  for (const pieces of [[text], [...text], [text.slice(0, 20), text.slice(20)]])
    assert.deepEqual(collect(pieces, 10), { got: ["ok", null, "next"], offset: text.length, end: text.length });
  assert.deepEqual(collect(["ok\n", "x".repeat(50), "y".repeat(50)], 10), { got: ["ok"], offset: 3, end: 103 });
});
