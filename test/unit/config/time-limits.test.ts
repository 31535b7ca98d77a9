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
  assert.ok(limits.DEFAULT_STEP_TIMEOUT >= limits.DEFAULT_HEARTBEAT_TIMEOUT);
  assert.ok(limits.JOIN_TIMEOUT_MS >= limits.DEFAULT_HEARTBEAT_TIMEOUT * 1000, "joining takes longer than a heartbeat");
  assert.ok(limits.CONNECTION.timeoutMs >= 3 * limits.CONNECTION.heartbeatMs);
  assert.ok(limits.HELLO_TIMEOUT_MS > limits.ALONE_MS, "a worker without a coordinator leaves before it is given up");
  assert.ok(
    limits.LEAVE_MS > limits.CLOSING_MS + limits.FLUSH_MS,
    "workers can hear that they are to leave, and send what is left",
  );
  assert.ok(limits.LOCK_LOOK_MS >= 2 * limits.LOCK_BEAT_MS, "one late beat costs no look at the lock");
  assert.ok(
    limits.LOCK_SILENT_MS >= limits.LOCK_LOOK_MS + 3 * limits.LOCK_BEAT_MS,
    "a holder looks at its lock long before others may take it, even when it missed three beats",
  );
});

test("restarts wait longer each time, to a limit", () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 8, 20].map(limits.backoffMs);
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});
