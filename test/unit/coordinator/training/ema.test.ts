/** The moving average of the weights: what it is of, what is evaluated, and that nothing else changes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Snapshot } from "../../../../src/checkpoint/snapshot.js";
import type { WrittenRecipe } from "../../../../src/config/recipe.js";
import { average, averageShares } from "../../../../src/optim/average.js";
import { settle } from "../../../support/fake-clock.js";
import { bitsOf, fakeRun } from "../../../support/fake-run.js";

const DECAY = 0.75;

async function run(recipe: Partial<WrittenRecipe>, start: Partial<Snapshot> = {}, workers = 2) {
  const commits: Snapshot[] = [];
  const given = fakeRun({
    recipe,
    start,
    workers,
    committed: (snapshot) => void commits.push(structuredClone(snapshot)),
  });
  const members = Array.from({ length: workers }, () => given.worker());
  const { kind, snapshot } = await given.coordinator.run();
  await settle();
  const evaluations = given.events.flatMap((event) => (event.event === "eval" ? [event] : []));
  return { kind, snapshot: structuredClone(snapshot), commits, evaluations, members, ...given };
}

test("after each commit the average is d times itself plus 1 - d times the weights and the state", async () => {
  const { commits, layout } = await run({ ema: DECAY });
  assert.equal(commits.length, 6);
  let held = { weights: new Float32Array(layout.size), state: new Float32Array(layout.stateSize) };
  for (const { step, weights, state, ema } of commits) {
    const next = { weights: new Float32Array(layout.size), state: new Float32Array(layout.stateSize) };
    for (const [name, values] of [
      ["weights", weights],
      ["state", state],
    ] as const)
      average(held[name], values, next[name], averageShares(DECAY, step));
    assert.deepEqual(ema!.state, next.state);
    for (const { offset, size } of layout.buckets)
      assert.deepEqual(ema!.weights.slice(offset, offset + size), next.weights.slice(offset, offset + size));
    held = next;
  }
});

test("the average is evaluated, on workers that have it as frames, and the weights are those of a run without it", async () => {
  const averaged = await run({ ema: DECAY });
  const plain = await run({});
  const first = (values: Float32Array) => Math.abs(values[averaged.layout.buckets[0]!.offset]!);
  for (const [index, commit] of [2, 5].entries()) {
    const evaluation = averaged.evaluations[index]!;
    assert.equal(evaluation.weights, "ema");
    assert.ok(Math.abs(evaluation.loss - first(averaged.commits[commit]!.ema!.weights)) < 1e-12);
    assert.equal(plain.evaluations[index]!.weights, "raw");
    assert.ok(Math.abs(plain.evaluations[index]!.loss - first(plain.commits[commit]!.weights)) < 1e-12);
  }
  assert.equal(bitsOf({ ...averaged.snapshot, ema: null }), bitsOf(plain.snapshot));
  assert.equal(plain.snapshot.ema, null);
});

test("a run that goes on from a snapshot ends in the same average", async () => {
  const whole = await run({ ema: DECAY });
  const half = whole.commits[3]!;
  const { recipe: _, fingerprint: __, ...start } = half;
  const resumed = await run({ ema: DECAY }, start, 1);
  assert.equal(bitsOf(resumed.snapshot), bitsOf(whole.snapshot));
});
