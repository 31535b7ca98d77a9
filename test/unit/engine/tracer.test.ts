import assert from "node:assert/strict";
import { test } from "node:test";
import { groupInputs } from "../../../src/engine/graph.js";
import { assertSameJournal } from "../../../src/engine/tracer.js";

test("equal journals pass; a different, missing or surplus line is told", () => {
  assertSameJournal("step", ["a", "b"], ["a", "b"]);
  assert.throws(() => assertSameJournal("step", ["a", "b"], ["a", "c"]), /tracing step:.*at "b" against "c"/);
  assert.throws(() => assertSameJournal("step", ["a", "b"], ["a"]), /at "b" against "\(nothing\)"/);
  assert.throws(() => assertSameJournal("step", ["a"], ["a", "b"]), /at "\(nothing\)" against "b"/);
});

test("list inputs are told from single ones", () => {
  const [a, b, c] = [1n, 2n, 3n].map((oper) => ({ oper, index: 0 })) as [
    { oper: bigint; index: number },
    { oper: bigint; index: number },
    { oper: bigint; index: number },
  ];
  assert.deepEqual(groupInputs("AddN", [a, b, c]), [[a, b, c]]);
  assert.deepEqual(groupInputs("ConcatV2", [a, b, c]), [[a, b], c]);
  assert.deepEqual(groupInputs("MatMul", [a, b]), [a, b]);
});
