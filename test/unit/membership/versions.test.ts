import assert from "node:assert/strict";
import { test } from "node:test";
import { Versions } from "../../../src/membership/versions.js";
import { testLayout } from "../../support/fake-worker.js";
import { member } from "../../support/member.js";
import { weightsOf } from "../../support/step-values.js";

const version = (number: number) => weightsOf(testLayout(), number);
const BUCKETS = [0, 1, 2, -1];

function begin() {
  const sent: string[] = [];
  const versions = new Versions(({ rank }, weights, bucket) => sent.push(`${rank}: ${weights.version}/${bucket}`) > 0);
  const since = () => sent.splice(0);
  return { versions, since };
}

test("a version goes to a member once, whole; one that held the version before gets the next while the step runs", () => {
  const { versions, since } = begin();
  const [a, b] = [member(0), member(1)];
  assert.equal(versions.bringUpTo(a, version(4)), true);
  assert.equal(versions.bringUpTo(a, version(4)), false);
  assert.deepEqual(
    since(),
    BUCKETS.map((bucket) => `0: 4/${bucket}`),
  );
  for (const bucket of BUCKETS) versions.sendAhead([a, b], version(5), bucket);
  assert.deepEqual(
    since(),
    BUCKETS.map((bucket) => `0: 5/${bucket}`),
  );
  versions.committed([a, b], version(4));
  versions.bringUpTo(a, version(5));
  assert.deepEqual(since(), []);
  versions.bringUpTo(b, version(5));
  assert.equal(since().length, BUCKETS.length);
});

test("a moving average goes to a member once a version, beside the weights that it holds", () => {
  const { versions, since } = begin();
  const a = member(0);
  const average = (number: number) => ({ ...version(number), kind: "ema" as const });
  versions.bringUpTo(a, version(4));
  since();
  for (const number of [4, 4, 6]) versions.bringUpTo(a, average(number));
  assert.deepEqual(
    since(),
    [4, 6].flatMap((number) => BUCKETS.map((bucket) => `0: ${number}/${bucket}`)),
  );
  versions.bringUpTo(a, version(4));
  assert.deepEqual(since(), [], "the weights are still there");
});

test("one that came in the middle of a step got the last buckets alone, and is sent all of them again", () => {
  const { versions, since } = begin();
  const [a, spare] = [member(0), member(1)];
  versions.sendAhead([a], version(5), 0);
  versions.bringUpTo(a, version(4));
  versions.bringUpTo(spare, version(4));
  for (const bucket of [1, 2, -1]) versions.sendAhead([a], version(5), bucket);
  versions.committed([a, spare], version(4));
  since();
  for (const each of [a, spare]) {
    versions.bringUpTo(each, version(5));
    assert.equal(since().length, BUCKETS.length);
  }
});
