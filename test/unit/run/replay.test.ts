import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { newestOf, type ReplayEntry, readReplay, replayEntry, stretchesOf } from "../../../src/run/replay.js";
import { assertReached, compared } from "../../../src/run/verify.js";
import { testSnapshot } from "../../support/snapshot.js";
import { temporaryDirectory } from "../../support/temporary.js";

const entry = (step: number, steps: number | null, weights = `w${step}`): ReplayEntry => ({
  step,
  loss: 1 / step,
  fingerprint: null,
  weights_sha256: weights,
  parameters: { kernel: `k${step}` },
  ...(steps === null ? {} : { length: { epochs: null, steps } }),
});

test("an entry tells the length that the step was made at, and can be read again", async (context) => {
  const dir = temporaryDirectory(context);
  const snapshot = testSnapshot();
  const written = await replayEntry(snapshot);
  assert.deepEqual(written.length, { epochs: snapshot.recipe.epochs, steps: snapshot.recipe.steps });
  writeFileSync(join(dir, "replay.jsonl"), `${JSON.stringify(written)}\n`);
  assert.deepEqual(readReplay(dir), [written]);
});

test("what a run recorded of steps that it did again is forgotten, and of those after them", () => {
  const first = [1, 2, 3, 4, 5, 6].map((step) => entry(step, 9, "old"));
  const again = [entry(3, 7, "new"), entry(4, 7, "new")];
  assert.deepEqual(newestOf([...first, ...again]), [first[0], first[1], ...again]);
});

test("a replay follows the lengths that were in force; older records have the recipe's", () => {
  const recipe = { epochs: 2, steps: null };
  assert.deepEqual(stretchesOf([entry(1, 4), entry(2, 4), entry(3, 9)], recipe), [
    { end: 2, length: { epochs: null, steps: 4 } },
    { end: 3, length: { epochs: null, steps: 9 } },
  ]);
  assert.deepEqual(stretchesOf([entry(1, null), entry(2, null)], recipe), [{ end: 2, length: recipe }]);
});

test("steps are compared by their number, so that a line which a full disk swallowed is no difference", () => {
  const all = [entry(1, 4), entry(2, 4), entry(3, 4)];
  assert.equal(compared([all[0]!, all[2]!], all).identical, true);
  assert.deepEqual(compared(all, [all[0]!, all[1]!]).difference, {
    step: 3,
    parameter: null,
    expected: "w3",
    received: "no such step",
  });
  assert.deepEqual(compared(all, [all[0]!, { ...all[1]!, parameters: { kernel: "other" } }, all[2]!]).difference, {
    step: 2,
    parameter: "kernel",
    expected: "k2",
    received: "other",
  });
});

test("a run that an older version made longer is no run that is different", () => {
  const old = [entry(1, null), entry(2, null), entry(3, null)];
  assert.throws(
    () => assertReached(old, old.slice(0, 2), "runs/a"),
    /its recipe ends after step 2, .* after step 3\. Such a run/,
  );
  assertReached(old, old, "runs/a");
  const known = [entry(1, 4), entry(2, 4), entry(3, 4)];
  assertReached(known, known.slice(0, 2), "runs/a"); // that is a difference
});
