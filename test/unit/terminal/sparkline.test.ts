import assert from "node:assert/strict";
import { test } from "node:test";
import { secondsLeft } from "../../../src/terminal/format.js";
import { appended, type Curve, NO_CURVE, sparkline } from "../../../src/terminal/sparkline.js";

const curveOf = (values: readonly number[]) => values.reduce<Curve>(appended, NO_CURVE);

test("a curve from its highest to its lowest value, in the width that there is", () => {
  assert.equal(sparkline(curveOf([]), 10), "");
  assert.equal(sparkline(curveOf([1]), 10), "");
  assert.equal(sparkline(curveOf([7, 6, 5, 4, 3, 2, 1, 0]), 10), "█▇▆▅▄▃▂▁");
  assert.equal(sparkline(curveOf([2, 2, 2]), 10), "▁▁▁");
  assert.equal(sparkline(curveOf([7, 7, 0, 0]), 2), "█▁");
  assert.equal(sparkline(curveOf([1, Number.NaN, 0]), 5), "█▁");
});

test("of many steps it keeps bounded means, and shows the whole of them", () => {
  const curve = curveOf(Array.from({ length: 10_000 }, (_, step) => 1 / (1 + step / 100)));
  assert.ok(curve.means.length <= 64);
  const line = sparkline(curve, 16);
  assert.equal(line.length, 16);
  assert.match(line, /^█.*▁$/);
  const total = curve.means.length * curve.each;
  assert.ok(total >= 10_000 && total < 10_000 + 2 * curve.each);
});

test("how long a download still takes is told at its own pace, once that is known", () => {
  const begun = { ms: 1000, received: 100 };
  assert.equal(secondsLeft(begun, 300, 500, 2000), null, "too early");
  assert.equal(secondsLeft(begun, 300, 500, 5000), 4);
  for (const [received, total] of [
    [300, null],
    [100, 500],
    [500, 500],
  ] as const)
    assert.equal(secondsLeft(begun, received, total, 5000), null);
});
