import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeldBack, RankPhases, RunEvent, StepEvent, StepPhases } from "../../../src/events.js";
import { HeldBackWatch, NO_WAITS } from "../../../src/metrics/held-back.js";
import { PLAN } from "../../support/run-events.js";

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

/** A run on a clock of its own: each event takes as long as it says. */
class Played {
  readonly watch = new HeldBackWatch();
  ms = 0;
  observe(event: RunEvent): void {
    if (event.event === "step") this.ms += 1000 * (event.duration_seconds + event.checkpoint_wait_seconds);
    if (event.event === "eval") this.ms += 1000 * event.duration_seconds;
    this.watch.observe(event, this.ms);
  }
  now(): HeldBack | null {
    return this.watch.now(this.ms);
  }
}

const evaluation = (seconds: number): RunEvent => ({
  event: "eval",
  epoch: 0,
  step: 1,
  loss: 1,
  accuracy: 0,
  samples: 1,
  duration_seconds: seconds,
  weights: "raw",
  best: true,
});

/** A run of such steps, after a first one in which everything was compiled. */
function played(steps: readonly StepEvent[], evaluationSeconds = 0, times = 20): Played {
  const run = new Played();
  const ranks = Object.keys(steps[0]!.ranks);
  run.observe({ ...PLAN, workers: ranks.length });
  run.observe(step(ranks.map(() => 100)));
  for (let at = 0; at < times; at++) run.observe(steps[at % steps.length]!);
  if (evaluationSeconds > 0) run.observe(evaluation(evaluationSeconds));
  return run;
}

const told = (steps: readonly StepEvent[], evaluationSeconds = 0, times = 20) =>
  played(steps, evaluationSeconds, times).watch.whole().bottleneck;

test("workers that are worth it, and a few steps, are not told of", () => {
  assert.equal(told([step([1, 1])]), null);
  assert.equal(told([step([1, 1], { update_seconds: 0.32 })]), null, "1.51 times as fast");
  assert.equal(told([step([1, 1], { input_seconds: 9 })], 0, 9), null);
  assert.deepEqual(new HeldBackWatch().whole(), { bottleneck: null, text: null });
  assert.match(played([step([1, 1])]).watch.whole().text!, /^nothing holds it back: 2 workers are 2\.0 times as fast/);
  assert.match(
    played([step([1])]).watch.whole().text!,
    /^nothing holds it back: the worker computes gradients 100% of the time/,
  );
});

for (const [phase, given, share, words] of [
  [
    "wait",
    step([1, 1], { wait_seconds: 1 }),
    0.5,
    /the workers wait 50% of the time for the next step's work and weights/,
  ],
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
    assert.equal(found.rank, null);
    const speed = `2 workers are ${found.speedup.toFixed(1)} times as fast as one that does nothing but compute gradients`;
    assert.ok(found.text.startsWith(speed));
  });

test("evaluation counts, though it is no part of a step", () => {
  const found = told([step([1, 1])], 20)!;
  assert.deepEqual([found.phase, found.share, found.speedup], ["evaluation", 0.5, 1]);
  assert.match(found.text, /evaluation takes 50% of the time\. --evaluate-every-epochs makes it rarer\.$/);
});

test("what makes evaluations rarer is only told where there is such a thing", () => {
  const ended = (plan: Partial<typeof PLAN>) => {
    const run = new Played();
    run.observe({ ...PLAN, workers: 1, ...plan });
    for (let at = 1; at <= 20; at++) run.observe(step([1], {}, { step: at }));
    run.observe({ event: "waiting", for: "evaluation" });
    run.ms += 10_000;
    const during = run.now()!.text;
    run.observe({ ...evaluation(20), step: 20 } as RunEvent);
    return [during, run.watch.whole().text!];
  };
  const plateau = { recipe: { ...PLAN.recipe, lrScheduler: "plateau" } } as const;
  for (const [plan, words] of [
    [{}, "--evaluate-every-epochs makes it rarer."],
    [{ steps: 20 }, "It is the one at the end of the run."],
    [plateau, "--lr-scheduler plateau needs one after each epoch."],
  ] as const)
    for (const text of ended(plan)) assert.ok(text.endsWith(words), text);
});

test("a slow rank is named; where now one is slow, now another, none is", () => {
  const slow = told([step([0.4, 1, 0.4])])!;
  assert.equal(slow.phase, "slow-rank");
  assert.deepEqual([slow.rank, slow.part], [1, "compute"]);
  assert.ok(Math.abs(slow.share - 0.6) < 1e-9, "what the step would take less if it were as quick as they");
  assert.ok(Math.abs(slow.speedup - 1.2) < 1e-9);
  assert.match(slow.text, /^3 workers .*rank 1 is slower than the others, which wait for it 60% of the time/);
  const changing = told([step([0.3, 1]), step([1, 0.3])])!;
  assert.deepEqual([changing.phase, changing.rank], ["slow-rank", null]);
  assert.match(changing.text, /now one is the slowest, now another/);
});

test("a rank that has more shards is not slow: they cannot be divided evenly", () => {
  const given = step([2, 1, 1]);
  for (const [rank, shards] of [2, 1, 1].entries()) given.ranks[rank]!.shards = shards;
  const found = told([given])!;
  assert.equal(found.phase, "uneven-shards");
  assert.match(found.text, /shards of a step \(4 shards, 3 workers\) cannot be divided evenly/);
});

test("one worker alone is told of as well, in its own words", () => {
  const found = told([step([1], { input_seconds: 1 })])!;
  assert.deepEqual([found.phase, found.rank, found.share], ["input", null, 0.5]);
  assert.match(found.text, /^one worker computes gradients 50% of the time: reading and preparing images takes 50%/);
  assert.match(told([step([1], { wait_seconds: 1 })])!.text, /the worker waits 50% of the time/);
});

/** A step in which one rank takes longer for a part of its work, and decides how long the step is. */
function slowed(part: "wait" | "input" | "compute", rank: number, seconds: number, shards = 2): StepEvent {
  const event = step([0.1, 0.1], { [`${part}_seconds`]: seconds });
  const slow = event.ranks[rank]!;
  slow[`${part}_seconds`] += seconds;
  slow.idle_seconds = -1; // the last
  slow.shards = shards;
  if (part === "compute") event.phases.compute_seconds = 0.1 + seconds;
  event.duration_seconds = 0.1 + seconds;
  return event;
}

for (const [part, words] of [
  ["wait", /rank 1 begins later than the others, which wait for it 67% of the time/],
  ["input", /rank 1 reads and prepares its images more slowly than the others, which wait for it 67%/],
  ["compute", /rank 1 is slower than the others, which wait for it 67%/],
] as const)
  test(`a rank whose ${part} is longer than the others' is named with it, now and at the end`, () => {
    const run = played([slowed(part, 1, 0.2)], 0, 500);
    for (const found of [run.now()!, run.watch.whole().bottleneck!]) {
      assert.deepEqual([found.phase, found.rank, found.part], ["slow-rank", 1, part]);
      assert.match(found.text, words);
    }
  });

test("a rank that is stopped and woken in turns stands still now and then, in whatever part that falls", () => {
  const quick = step([0.01, 0.01]);
  const turn = [...Array(8).fill(quick), slowed("wait", 1, 0.5), ...Array(8).fill(quick), slowed("compute", 1, 0.5)];
  const found = played(turn, 0, 180).now()!;
  assert.deepEqual([found.phase, found.rank], ["slow-rank", 1]);
  assert.match(found.text, /^rank 1 stands still now and then, as if it were stopped and woken/);
});

test("input that is slow now on one rank, now on another, is everybody's input", () => {
  const found = played([slowed("input", 0, 0.2), slowed("input", 1, 0.2)], 0, 500).now()!;
  assert.deepEqual([found.phase, found.rank], ["input", null]);
});

test("now is the last seconds: what was before fades, and a long evaluation soon does", () => {
  const run = played([step([1, 1], { input_seconds: 4 })], 0, 50);
  assert.equal(run.now()!.phase, "input");
  for (let at = 0; at < 60; at++) run.observe(step([1, 1]));
  assert.deepEqual([run.now()!.phase, run.now()!.share], [null, 0]);
  assert.match(run.now()!.text, /^nothing holds it back: 2 workers are (2\.0|1\.9) times as fast as one/);
  run.observe(evaluation(600));
  assert.equal(run.now()!.phase, "evaluation");
  for (let at = 0; at < 40; at++) run.observe(step([1, 1]));
  assert.equal(run.now()!.phase, null);
  assert.equal(run.watch.whole().bottleneck!.phase, "evaluation", "of the whole run it was most");
});

test("time between steps that no event explains is the coordinator's", () => {
  const run = played([step([1, 1])]);
  for (let at = 0; at < 20; at++) {
    run.ms += 2000;
    run.observe(step([1, 1]));
  }
  assert.equal(run.now()!.phase, "coordinator");
  assert.match(run.now()!.text, /the coordinator is busy \d+% of the time between one step and the next.*disk/);
});

const worker = (
  rank: number,
  state: "starting" | "tracing" | "ready" | "lost",
  incarnation = 0,
  detail = "",
): RunEvent => ({
  event: "worker",
  rank,
  incarnation,
  state,
  pid: 1,
  device: "cpu",
  detail,
});
const plan: RunEvent = { ...PLAN, workers: 2, shards: 4 };

test("before the first step: who is waited for and what each does, then the compiling", () => {
  const run = new Played();
  assert.equal(run.now(), null, "before the plan");
  run.observe(plan);
  assert.match(run.now()!.text, /^waiting for 2 workers: none of them has come yet/);
  run.observe(worker(0, "starting"));
  run.observe(worker(1, "tracing", 0, "loading TensorFlow"));
  run.ms += 3000;
  assert.equal(
    run.now()!.text,
    "waiting for 2 workers, for 3 s so far: rank 0 (starting), rank 1 (loading TensorFlow).",
  );
  run.observe(worker(0, "ready"));
  assert.match(run.now()!.text, /^waiting for 1 worker, for 3 s so far: rank 1/);
  run.observe(worker(1, "ready"));
  assert.match(run.now()!.text, /^each worker compiles its first step: once/);
  run.ms += 2000;
  assert.match(run.now()!.text, /^each worker compiles its first step, for 2 s so far: once/);
  assert.deepEqual([run.now()!.phase, run.now()!.share], ["compile", 1]);
  run.observe(step([5, 5]));
  assert.match(run.now()!.text, /^too early to tell what holds it back: 1 step so far/);
});

test("waits for the first step are told with what they took the last time, and are known after it", () => {
  const watch = new HeldBackWatch(({ model }) => (model === PLAN.model ? { join: 12, compile: 30 } : NO_WAITS));
  watch.observe(plan, 0);
  watch.observe(worker(0, "starting"), 100);
  assert.match(watch.now(4000)!.text, /^waiting for 2 workers, for 4 s so far \(12 s the last time\): rank 0/);
  for (const rank of [0, 1]) watch.observe(worker(rank, "ready"), 5000);
  assert.match(watch.now(7000)!.text, /^each worker compiles its first step, for 2 s so far \(30 s the last time\)/);
  assert.equal(watch.waited, null);
  watch.observe(step([8, 8]), 13_500);
  assert.deepEqual(watch.waited, { join: 5.5, compile: 8 });
});

/** Two workers that have done some steps of a tenth of a second. */
function running(): Played {
  const run = new Played();
  for (const event of [plan, worker(0, "ready"), worker(1, "ready"), step([5, 5])]) run.observe(event);
  for (let at = 0; at < 400; at++) run.observe(step([0.1, 0.1]));
  return run;
}
const heartbeat = (rank: number): RunEvent => ({
  event: "heartbeat",
  rank,
  timestamp: 0,
  tensors: 0,
  tensor_bytes: 0,
  rss_bytes: 0,
});

test("where no step comes, what is waited for is named: a silent rank, an evaluation, a checkpoint, or nothing known", () => {
  const run = running();
  for (const rank of [0, 1]) run.observe(heartbeat(rank));
  run.ms += 1900;
  assert.equal(run.now()!.phase, null, "not yet");
  run.observe(heartbeat(0));
  run.ms += 1100;
  assert.deepEqual([run.now()!.phase, run.now()!.rank], ["slow-rank", 1]);
  assert.match(run.now()!.text, /^rank 1 has given no sign of life for 3 s, and the step waits for it/);
  run.observe(heartbeat(1));
  assert.match(run.now()!.text, /goes on, for 3 s so far, where one usually takes \d+ ms; its workers are alive/);
  run.observe({ event: "waiting", for: "checkpoint" });
  assert.equal(run.now()!.phase, "checkpoint");
  run.observe({ event: "waiting", for: "evaluation" });
  assert.match(run.now()!.text, /^evaluation on 10,000 test images, for 3 s so far/);
});

test("a lost worker costs what the others wait and do for it, and one that is back compiles once", () => {
  const run = running();
  run.observe(worker(1, "lost", 0, "its process was ended by SIGKILL\nlast words"));
  run.observe(step([0.2], { wait_seconds: 8 }));
  assert.deepEqual([run.now()!.phase, run.now()!.rank], ["workers", 1]);
  assert.match(run.now()!.text, /^rank 1 was lost, .*until it is back \(its process was ended by SIGKILL\)/);
  for (let at = 0; at < 200; at++) run.observe(step([0.2]));
  assert.equal(run.now()!.phase, "workers", "half of the workers are gone");
  assert.ok(Math.abs(run.now()!.share - 0.5) < 0.05);
  run.observe(worker(1, "ready", 1));
  const back = slowed("compute", 1, 8);
  run.observe(back);
  assert.deepEqual([run.now()!.phase, run.now()!.rank], ["compile", 1]);
  for (let at = 0; at < 600; at++) run.observe(step([0.1, 0.1]));
  assert.equal(run.now()!.phase, null);
});

test("with no worker left, those that are to come are named", () => {
  const run = running();
  run.observe(worker(0, "lost", 0, "gone"));
  run.observe(worker(1, "lost", 0, "gone too"));
  run.observe(worker(1, "starting", 1));
  run.ms += 5000;
  assert.match(
    run.now()!.text,
    /^no worker is there, for 5 s so far; it goes on when one is back: rank 0 \(gone\), rank 1 \(starting\)/,
  );
});

test("with fewer workers than --min-workers, the run waits for those that are missing, and the wait is theirs", () => {
  const run = running();
  run.observe(worker(1, "lost", 0, "its process was ended by SIGKILL"));
  run.observe(step([0.2]));
  run.observe(worker(1, "starting", 1));
  run.observe({ event: "waiting", for: "workers" });
  run.ms += 6000;
  assert.equal(
    run.now()!.text,
    "the training waits for workers, for 6 s so far: 1 is there, and --min-workers asks for more: rank 1 (starting).",
  );
  assert.deepEqual([run.now()!.phase, run.now()!.rank, run.now()!.share], ["workers", 1, 1]);
  run.ms -= 6000;
  run.observe(step([0.1, 0.1], { wait_seconds: 6 }));
  assert.deepEqual([run.now()!.phase, run.now()!.rank], ["workers", 1]);
});

test("a shorter last batch is compiled too, and that is not held against a rank", () => {
  const run = running();
  run.observe({ ...slowed("compute", 1, 30), samples: 3 });
  assert.deepEqual([run.now()!.phase, run.now()!.rank], ["compile", null]);
});
