import assert from "node:assert/strict";
import { test } from "node:test";
import { completePlacement } from "../../../src/config/placement.js";

test("a heartbeat timeout in which a healthy worker may be silent is refused, with the least and why", () => {
  for (const heartbeatTimeout of [0.5, 2.9])
    assert.throws(() => completePlacement({ heartbeatTimeout }), {
      code: "config",
      message: `--heartbeat-timeout: expected a number of 3 or more, received ${heartbeatTimeout}. A worker gives a sign of life each second, and a busy one may miss two.`,
    });
  assert.equal(completePlacement({ heartbeatTimeout: 3 }).heartbeatTimeout, 3);
});

test("a step timeout that comes before the heartbeat timeout is refused, with the least and why", () => {
  assert.throws(() => completePlacement({ stepTimeout: 1 }), {
    message: /^--step-timeout: expected a number of 3 or more, received 1\. It is never less than --heartbeat-timeout/,
  });
  assert.throws(() => completePlacement({ stepTimeout: 9 }), {
    code: "config",
    message: /^--step-timeout 9 is shorter than --heartbeat-timeout 10: a worker that is silent would be taken for/,
  });
  assert.equal(completePlacement({ stepTimeout: 5, heartbeatTimeout: 5 }).stepTimeout, 5);
});
