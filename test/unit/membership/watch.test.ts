import assert from "node:assert/strict";
import { test } from "node:test";
import { TICK_MS } from "../../../src/config/time-limits.js";
import { heldUpMs, overdue } from "../../../src/membership/watch.js";

const LIMITS = { heartbeatTimeout: 10, stepTimeout: 300 };

test("silence counts after the heartbeat's limit, and while a worker is joining after a minute", () => {
  const member = { state: "ready", lastHeard: 1_000 } as const;
  assert.equal(overdue(member, null, 11_000, LIMITS), null);
  const late = overdue(member, null, 11_100, LIMITS);
  assert.equal(late?.reason, "silence");
  assert.equal(late?.detail, "it has been silent for 10.1 s (--heartbeat-timeout 10)");
  for (const state of ["joining", "tracing"] as const) {
    assert.equal(overdue({ ...member, state }, null, 61_000, LIMITS), null);
    assert.equal(overdue({ ...member, state }, null, 61_001, LIMITS)?.reason, "silence");
    assert.equal(overdue({ ...member, state }, null, 61_001, { ...LIMITS, heartbeatTimeout: 90 }), null);
  }
});

test("a worker that is heard of but owes a result for too long is overdue", () => {
  const member = { state: "working", lastHeard: 400_000 } as const;
  assert.equal(overdue(member, 100_000, 400_000, LIMITS), null);
  assert.equal(overdue(member, 100_000, 400_100, LIMITS)?.reason, "step-timeout");
  assert.equal(overdue(member, null, 400_100, LIMITS), null);
});

test("where a tick was missed, this process was held up itself", () => {
  assert.equal(heldUpMs(TICK_MS), 0);
  assert.equal(heldUpMs(2 * TICK_MS - 1), 0);
  assert.equal(heldUpMs(2 * TICK_MS), 2 * TICK_MS);
  assert.equal(heldUpMs(3_600_000), 3_600_000);
});
