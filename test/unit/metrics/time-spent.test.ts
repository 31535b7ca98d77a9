import assert from "node:assert/strict";
import { test } from "node:test";
import type { RankPhases, StepEvent, StepPhases } from "../../../src/events.js";
import { TimeSpent } from "../../../src/metrics/time-spent.js";

const NONE: StepPhases = {
  wait_seconds: 0,
  input_seconds: 0,
  compute_seconds: 0,
  write_seconds: 0,
  reduce_seconds: 0,
  update_seconds: 0,
  commit_seconds: 0,
};

/** The last of the ranks to end decides how long the step took. */
function step(
  computing: readonly number[],
  phases: Partial<StepPhases> = {},
  more: Partial<StepEvent> = {},
): StepEvent {
  const compute = Math.max(...computing);
  const whole = { ...NONE, compute_seconds: compute, ...phases };
  const rank = (seconds: number): RankPhases => ({
    shards: 2,
    wait_seconds: 0,
    input_seconds: 0,
    compute_seconds: seconds,
    write_seconds: 0,
    idle_seconds: compute - seconds,
  });
  return {
    event: "step",
    step: 1,
    epoch: 0,
    loss: 1,
    accuracy: 0,
    lr: 0.1,
    gradient_norm: 1,
    samples: 8,
    duration_seconds: Object.values(whole).reduce((sum, value) => sum + value, 0),
    samples_per_second: 8,
    phases: whole,
    ranks: Object.fromEntries(computing.map((seconds, index) => [String(index), rank(seconds)])),
    coordinator: { reduce_seconds: 0, update_seconds: 0 },
    tail_seconds: 0,
    checkpoint_wait_seconds: 0,
    exchange_bytes: { in: 0, out: 0, shared: 0 },
    worker_seconds: {},
    tensors: 0,
    tensor_bytes: 0,
    ...more,
  };
}

/** What is told of a run of such steps, after a first one in which everything was compiled. */
function told(steps: readonly StepEvent[], evaluationSeconds = 0, times = 20) {
  const spent = new TimeSpent();
  spent.observe(step([100, 100]));
  for (let at = 0; at < times; at++) spent.observe(steps[at % steps.length]!);
  if (evaluationSeconds > 0)
    spent.observe({
      event: "eval",
      epoch: 0,
      step: 1,
      loss: 1,
      accuracy: 0,
      samples: 1,
      duration_seconds: evaluationSeconds,
      weights: "raw",
      best: true,
    });
  return spent.bottleneck();
}

test("workers that are worth it, a worker alone, and a few steps are not told of", () => {
  assert.equal(told([step([1, 1])]), null);
  assert.equal(told([step([1, 1], { update_seconds: 0.32 })]), null, "1.51 times as fast");
  assert.equal(told([step([1], { input_seconds: 9 })]), null);
  assert.equal(told([step([1, 1], { input_seconds: 9 })], 0, 9), null);
  assert.equal(new TimeSpent().bottleneck(), null);
});

for (const [phase, given, share, words] of [
  ["wait", step([1, 1], { wait_seconds: 1 }), 0.5, /they wait 50% of the time for the next step's work and weights/],
  ["input", step([1, 1], { input_seconds: 1 }), 0.5, /reading and preparing images takes 50% of the time/],
  ["write", step([1, 1], { write_seconds: 3 }), 0.75, /gradients are on their way to the coordinator 75% of the time/],
  [
    "coordinator",
    step([1, 1], { update_seconds: 0.8, reduce_seconds: 0.2 }),
    0.5,
    /adds gradients and updates weights 50%/,
  ],
  ["coordinator", step([1, 1], { commit_seconds: 1 }), 0.5, /adds gradients and updates weights 50%/],
  ["checkpoint", step([1, 1], {}, { checkpoint_wait_seconds: 1 }), 0.5, /waits 50% of the time for checkpoints/],
] as const)
  test(`${phase} that takes half of the time and more is named, with its share`, () => {
    const found = told([given])!;
    assert.equal(found.phase, phase);
    assert.ok(Math.abs(found.share - share) < 1e-9);
    assert.ok(Math.abs(found.speedup - 2 * (1 - share)) < 1e-9);
    assert.match(found.text, words);
    const speed = `2 workers are ${found.speedup.toFixed(1)} times as fast as one that does nothing but compute gradients`;
    assert.ok(found.text.startsWith(speed));
  });

test("evaluation counts, though it is no part of a step", () => {
  const found = told([step([1, 1])], 20)!;
  assert.deepEqual([found.phase, found.share, found.speedup], ["evaluation", 0.5, 1]);
  assert.match(found.text, /evaluation takes 50% of the time/);
});

test("a slow rank is named; where now one is slow, now another, none is", () => {
  const slow = told([step([0.4, 1, 0.4])])!;
  assert.equal(slow.phase, "slow-rank");
  assert.ok(Math.abs(slow.share - 0.4) < 1e-9);
  assert.match(slow.text, /^3 workers .*rank 1 is slower than the others, which wait for it 40% of the time/);
  const changing = told([step([0.3, 1]), step([1, 0.3])])!;
  assert.equal(changing.phase, "slow-rank");
  assert.match(changing.text, /now one is the slowest, now another/);
});

test("a rank that has more shards is not slow: they cannot be divided evenly", () => {
  const given = step([2, 1, 1]);
  for (const [rank, shards] of [2, 1, 1].entries()) given.ranks[rank]!.shards = shards;
  const found = told([given])!;
  assert.equal(found.phase, "uneven-shards");
  assert.match(found.text, /shards of a step \(4 shards, 3 workers\) cannot be divided evenly/);
});
