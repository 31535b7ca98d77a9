import assert from "node:assert/strict";
import { test } from "node:test";
import { groupInputs } from "../../../../src/engine/native/graph.js";

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
