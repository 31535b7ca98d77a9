import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ATTR,
  type Attribute,
  boolAttribute,
  floatAttribute,
  intAttribute,
  setAttribute,
  stringAttribute,
  typeAttribute,
} from "../../../../src/engine/native/attributes.js";
import type { CApi } from "../../../../src/engine/native/capi.js";

/** A C API that notes what it is called with. */
function recorder() {
  const calls: [string, ...unknown[]][] = [];
  const tf = new Proxy({} as CApi, {
    get:
      (_, name: string) =>
      (...args: readonly unknown[]) =>
        void calls.push([name, ...args]),
  });
  return { tf, calls };
}

const OP = 7n;
const STATUS = 9n;
const CASES: readonly [string, Attribute, string, readonly unknown[]][] = [
  ["a string, as UTF-8", stringAttribute("s", "é"), "String", [Uint8Array.of(0xc3, 0xa9), 2]],
  ["an integer", intAttribute("i", -3), "Int", [-3]],
  ["integers", { name: "l", type: ATTR.int, value: [1, 2, 2, 1] }, "IntList", [BigInt64Array.of(1n, 2n, 2n, 1n), 4]],
  ["a number", floatAttribute("f", 0.5), "Float", [0.5]],
  ["numbers", { name: "g", type: ATTR.float, value: [0.5, 2] }, "FloatList", [Float32Array.of(0.5, 2), 2]],
  ["true", boolAttribute("b", true), "Bool", [1]],
  ["false", boolAttribute("b", false), "Bool", [0]],
  ["a type", typeAttribute("T", 1), "Type", [1]],
  ["types", { name: "U", type: ATTR.type, value: [3, 1] }, "TypeList", [Int32Array.of(3, 1), 2]],
];

for (const [what, attribute, suffix, args] of CASES) {
  test(`${what}: the same value to an eager op and to a node`, () => {
    const { tf, calls } = recorder();
    setAttribute(tf, OP, "Op", attribute, STATUS);
    setAttribute(tf, OP, "Op", attribute, null);
    assert.deepEqual(calls, [
      [`TFE_OpSetAttr${suffix}`, OP, attribute.name, ...args],
      [`TF_SetAttr${suffix}`, OP, attribute.name, ...args],
    ]);
  });
}

test("a shape, the only one whose eager setting can fail, gets the status", () => {
  const { tf, calls } = recorder();
  const attribute = { name: "shape", type: ATTR.shape, value: [2, 3] };
  setAttribute(tf, OP, "Op", attribute, STATUS);
  setAttribute(tf, OP, "Op", attribute, null);
  assert.deepEqual(calls, [
    ["TFE_OpSetAttrShape", OP, "shape", BigInt64Array.of(2n, 3n), 2, STATUS],
    ["TF_SetAttrShape", OP, "shape", BigInt64Array.of(2n, 3n), 2],
  ]);
});

test("a kind that cannot be set is refused by op and attribute", () => {
  const { tf, calls } = recorder();
  assert.throws(
    () => setAttribute(tf, OP, "Odd", { name: "func", type: ATTR.resource, value: 1 }, null),
    /op Odd: attribute func has the kind 9/,
  );
  assert.deepEqual(calls, []);
});
