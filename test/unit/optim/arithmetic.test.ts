import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cosPi, integerPower } from "../../../src/optim/arithmetic.js";

test("integerPower is the power", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.5, max: 1.5, noNaN: true }), fc.nat(300), (base, exponent) => {
      const expected = base ** exponent;
      assert.ok(Math.abs(integerPower(base, exponent) - expected) <= 1e-13 * expected);
    }),
  );
  assert.equal(integerPower(0.9, 0), 1);
  assert.equal(integerPower(3, 5), 243);
  assert.equal(integerPower(0.999, 10_000_000), 0);
});

test("cosPi is the cosine, exact at its ends and middle", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (x) => {
      assert.ok(Math.abs(cosPi(x) - Math.cos(Math.PI * x)) < 4e-16);
    }),
  );
  assert.deepEqual([0, 0.5, 1].map(cosPi), [1, 0, -1]);
});
