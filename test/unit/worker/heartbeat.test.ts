import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { HEARTBEAT_MS, LOOKS_A_HEARTBEAT } from "../../../src/config/time-limits.js";
import { Heartbeat } from "../../../src/worker/heartbeat.js";
import type { Doing } from "../../../src/worker/session.js";

const LOOK_MS = HEARTBEAT_MS / LOOKS_A_HEARTBEAT;

test("each second, and as soon as something else lasts; short work is not told of", (context) => {
  mock.timers.enable({ apis: ["setInterval"] });
  context.after(() => mock.timers.reset());
  let now = 0;
  let doing: Doing = { phase: "waiting" };
  const said: string[] = [];
  const heartbeat = new Heartbeat({
    doing: () => doing,
    send: ({ phase }) => said.push(`${now}: ${phase}`),
  });
  const pass = (ms: number) => {
    for (const end = now + ms; now < end; ) {
      now += LOOK_MS;
      mock.timers.tick(LOOK_MS);
    }
    return said.splice(0);
  };
  assert.deepEqual(pass(2 * HEARTBEAT_MS), ["1000: waiting", "2000: waiting"]);
  doing = { phase: "computing" };
  assert.deepEqual(pass(300), ["2200: computing"]);
  // Steps that are shorter than a look: each time another shard is computed.
  for (let count = 0; count < 5; count++) {
    doing = { phase: count % 2 === 0 ? "waiting" : "computing" };
    assert.deepEqual(pass(100), []);
  }
  heartbeat.beat();
  assert.deepEqual(said.splice(0), ["2800: waiting"]);
  assert.deepEqual(pass(200), ["3000: waiting"]);
  heartbeat.stop();
  assert.deepEqual(pass(3000), []);
});
