import assert from "node:assert/strict";
import { test } from "node:test";
import * as limits from "../../../src/config/time-limits.js";

test("the limits fit each other", () => {
  const least = limits.LEAST_HEARTBEAT_TIMEOUT * 1000;
  assert.ok(least >= 3 * limits.HEARTBEAT_MS, "a healthy worker may miss two signs of life");
  assert.ok(
    least > limits.HEARTBEAT_MS + 2 * limits.TICK_MS,
    "a look that comes late, yet missed none, finds nobody silent",
  );
  assert.ok(limits.DEFAULT_HEARTBEAT_TIMEOUT >= limits.LEAST_HEARTBEAT_TIMEOUT);
  const silence = limits.DEFAULT_HEARTBEAT_TIMEOUT * 1000;
  assert.ok(limits.LEAST_STEP_MS >= silence, "a worker that is silent is not one that is slow");
  assert.ok(limits.FIRST_STEP_MS >= limits.LEAST_STEP_MS, "what compiles takes longer");
  assert.ok(limits.FIRST_STEP_MS > limits.BUSY_SILENCE_MS && limits.JOIN_PART_MS > limits.BUSY_SILENCE_MS);
  assert.ok(limits.BUSY_SILENCE_MS >= silence, "joining and compiling may be silent for longer than a heartbeat");
  assert.ok(limits.STEP_TIMES_USUAL > 1);
  assert.ok(limits.LOOKS_A_HEARTBEAT >= 2);
  assert.ok(limits.PROBE_MS + limits.TICK_MS < 1000, "a connection's end is noticed within a second");
  assert.ok(limits.DEFAULT_WAIT_WORKERS * 1000 > limits.backoffMs(99), "a worker that is started again is waited for");
  assert.ok(limits.CONNECTION.timeoutMs >= 3 * limits.CONNECTION.heartbeatMs);
  assert.ok(limits.HELLO_TIMEOUT_MS > limits.ALONE_MS, "a worker without a coordinator leaves before it is given up");
  assert.ok(
    limits.LEAVE_MS > limits.CLOSING_MS + limits.FLUSH_MS,
    "workers can hear that they are to leave, and send what is left",
  );
  assert.ok(limits.REGATHER_MS < limits.ALONE_MS, "whoever still waits is there when a run that goes on begins");
  assert.ok(limits.REJOIN_PAUSE_MS < limits.REGATHER_MS, "a worker that comes back by itself is there in time");
  assert.ok(limits.LONGEST_WAIT_COORDINATOR * 1000 < 2 ** 31, "a timer can hold it");
  assert.ok(limits.LOCK_LOOK_MS >= 2 * limits.LOCK_BEAT_MS, "one late beat costs no look at the lock");
  assert.ok(
    limits.LOCK_SILENT_MS >= limits.LOCK_LOOK_MS + 3 * limits.LOCK_BEAT_MS,
    "a holder looks at its lock long before others may take it, even when it missed three beats",
  );
});

test("a step's limit follows from what is usual, and is never below that of silence", () => {
  const auto = (usualMs: number | null, heartbeatTimeout = 5) =>
    limits.stepLimitMs({ stepTimeout: "auto", heartbeatTimeout }, usualMs);
  assert.equal(auto(1), 10_000);
  assert.equal(auto(2_001), 10_005);
  assert.equal(auto(null), 600_000);
  assert.equal(auto(1, 30), 30_000);
  assert.equal(auto(null, 900), 900_000);
  assert.equal(limits.stepLimitMs({ stepTimeout: 7, heartbeatTimeout: 5 }, null), 7_000);
});

test("restarts wait longer each time, to a limit", () => {
  assert.equal(limits.backoffMs(0), 0);
  const waits = [1, 2, 3, 4, 5, 6, 7, 8, 20].map(limits.backoffMs);
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});
