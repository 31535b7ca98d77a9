import assert from "node:assert/strict";
import { test } from "node:test";
import { TICK_MS } from "../../../src/config/time-limits.js";
import { heldUpMs, overdue } from "../../../src/membership/watch.js";

const LIMITS = { heartbeatTimeout: 5, stepTimeout: "auto" } as const;
const MEMBER = { state: "working", lastHeard: 1_000, phase: "computing", phaseSince: 1_000 } as const;

test("silence counts after the heartbeat's limit, and while a worker joins or compiles after a minute", () => {
  assert.equal(overdue(MEMBER, null, 6_000, LIMITS), null);
  const late = overdue(MEMBER, null, 6_100, LIMITS);
  assert.equal(late?.reason, "silence");
  assert.equal(late?.detail, "it has been silent for 5.1 s (--heartbeat-timeout 5)");
  for (const [busy, does] of [
    [{ state: "joining" }, "joins"],
    [{ state: "tracing" }, "joins"],
    [{ phase: "compiling" }, "compiles"],
  ] as const) {
    const member = { ...MEMBER, ...busy };
    assert.equal(overdue(member, null, 61_000, LIMITS), null);
    assert.deepEqual(overdue(member, null, 61_001, LIMITS), {
      reason: "silence",
      detail: `it has been silent for 60.0 s (while it ${does}, the limit is 60 s)`,
    });
    const patient = { ...LIMITS, heartbeatTimeout: 90 };
    assert.equal(overdue(member, null, 91_000, patient), null);
    assert.match(overdue(member, null, 91_001, patient)!.detail, /\(--heartbeat-timeout 90\)/);
  }
});

test("joining may take any time as long as it comes further, and ten minutes for each part", () => {
  const joining = { ...MEMBER, state: "tracing", phase: "joining", lastHeard: 900_000, phaseSince: 300_000 } as const;
  assert.equal(overdue(joining, null, 900_000, LIMITS), null);
  const late = overdue(joining, null, 900_001, LIMITS);
  assert.equal(late?.reason, "join-timeout");
  assert.match(late!.detail, /no further with joining for 600\.0 s/);
});

test("a worker that is heard of must give a result within five times the usual, ten seconds at least", () => {
  const member = { ...MEMBER, lastHeard: 400_000 };
  const waits = (usualMs: number | null, more: object = {}) => {
    const late = (ms: number) =>
      overdue({ ...member, ...more }, { since: 0, usualMs }, ms, { ...LIMITS, heartbeatTimeout: 400 })?.reason;
    return { late };
  };
  // With a limit of silence above ten seconds, that is the least.
  assert.equal(waits(100).late(400_000), undefined);
  assert.equal(waits(100).late(400_001), "step-timeout");
  const near = { ...MEMBER, lastHeard: 60_000 };
  const reason = (usualMs: number | null, ms: number) =>
    overdue({ ...near, lastHeard: ms }, { since: 0, usualMs }, ms, LIMITS)?.reason;
  assert.equal(reason(100, 10_000), undefined);
  assert.equal(reason(100, 10_001), "step-timeout");
  assert.equal(reason(4_000, 20_000), undefined);
  assert.equal(reason(4_000, 20_001), "step-timeout");
  assert.equal(overdue({ ...near, lastHeard: 20_000 }, null, 20_001, LIMITS), null, "it owes nothing");
});

test("where nobody knows how long it takes, or it compiles, a first step's limit counts", () => {
  const at = (ms: number, usualMs: number | null, phase: "computing" | "compiling") =>
    overdue({ ...MEMBER, phase, lastHeard: ms }, { since: 0, usualMs }, ms, LIMITS)?.reason;
  for (const [usualMs, phase] of [
    [null, "computing"],
    [10, "compiling"],
  ] as const) {
    assert.equal(at(600_000, usualMs, phase), undefined);
    assert.equal(at(600_001, usualMs, phase), "step-timeout");
  }
});

test("a step timeout in seconds overrides what is usual, and says so", () => {
  const limits = { heartbeatTimeout: 5, stepTimeout: 300 };
  const late = overdue({ ...MEMBER, lastHeard: 300_100 }, { since: 0, usualMs: 2 }, 300_100, limits);
  assert.equal(
    late?.detail,
    "it is alive but has sent no result for 300.1 s, and its work usually takes 0.0 s (--step-timeout 300: 300.0 s here)",
  );
  assert.equal(overdue({ ...MEMBER, lastHeard: 300_000 }, { since: 0, usualMs: 2 }, 300_000, limits), null);
});

test("where a tick was missed, this process was held up itself", () => {
  assert.equal(heldUpMs(TICK_MS), 0);
  assert.equal(heldUpMs(2 * TICK_MS - 1), 0);
  assert.equal(heldUpMs(2 * TICK_MS), 2 * TICK_MS);
  assert.equal(heldUpMs(3_600_000), 3_600_000);
});
