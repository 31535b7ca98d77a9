import assert from "node:assert/strict";
import { test } from "node:test";
import { Stragglers } from "../../../src/coordinator/stragglers.js";
import type { RankPhases } from "../../../src/events.js";

const phases = (compute_seconds: number, more: Partial<RankPhases> = {}): RankPhases => ({
  shards: 1,
  wait_seconds: 0,
  input_seconds: 0,
  compute_seconds,
  write_seconds: 0,
  idle_seconds: 0,
  ...more,
});

function run() {
  const stragglers = new Stragglers();
  let step = 0;
  /** The same steps again and again; what was told. */
  const steps = (count: number, ranks: Record<string, RankPhases>) =>
    Array.from({ length: count }, () => stragglers.observe({ step: ++step, ranks })).flat();
  return { steps };
}

test("a rank that is persistently slower is named once, with the phase it loses its time in, and once when it recovers", () => {
  const { steps } = run();
  const others = { 0: phases(0.1), 2: phases(0.11) };
  assert.deepEqual(steps(20, { ...others, 1: phases(0.12) }), []);
  assert.deepEqual(steps(6, { ...others, 1: phases(0.4) }), [], "a few steps are not persistent");
  const [told, ...more] = steps(30, { ...others, 1: phases(0.1, { input_seconds: 0.2 }) });
  assert.deepEqual(more, []);
  assert.ok(told?.slow && told.rank === 1 && told.phase === "input");
  assert.ok(told.times > 2.9 && told.times < 4.1, `${told.times}`);
  const [back, ...again] = steps(40, { ...others, 1: phases(0.1) });
  assert.ok(back?.slow === false && back.rank === 1);
  assert.deepEqual(again, []);
});

test("time counts a shard, so that one who has more shards is not slow for it", () => {
  const { steps } = run();
  assert.deepEqual(steps(40, { 0: phases(0.1), 1: phases(0.3, { shards: 3 }) }), []);
});

test("waiting for weights is a phase, and the noise of short steps is not", () => {
  const short = run();
  assert.deepEqual(short.steps(40, { 0: phases(0.002), 1: phases(0.006) }), []);
  const slow = run();
  const [told] = slow.steps(40, { 0: phases(0.1), 1: phases(0.1, { wait_seconds: 0.3 }) });
  assert.ok(told?.rank === 1 && told.phase === "wait");
});

test("one who went away is forgotten, and whoever comes in its place begins anew; alone, nobody is slow", () => {
  const { steps } = run();
  assert.equal(steps(40, { 0: phases(0.1), 1: phases(0.3) }).length, 1);
  assert.deepEqual(steps(3, { 0: phases(0.5) }), []);
  assert.deepEqual(steps(15, { 0: phases(0.1), 1: phases(0.3) }), []);
  const [told] = steps(20, { 0: phases(0.1), 1: phases(0.3) });
  assert.ok(told?.slow && told.rank === 1);
});

test("a rank that others outrun takes part in no step, and is named for what it was seen to take", () => {
  const stragglers = new Stragglers();
  const told = [];
  for (let step = 1; step <= 40; step++) {
    stragglers.late({ event: "backup", step, rank: 1, phase: "input", shards: 2, waited_seconds: 0.6 });
    told.push(...stragglers.observe({ step, ranks: { 0: phases(0.1) } }));
  }
  assert.equal(told.length, 1);
  assert.ok(told[0]!.slow && told[0]!.rank === 1 && told[0]!.phase === "input");
  stragglers.forget(1);
  assert.deepEqual(stragglers.observe({ step: 41, ranks: { 0: phases(0.1) } }), []);
});
