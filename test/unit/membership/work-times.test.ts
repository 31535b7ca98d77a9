import assert from "node:assert/strict";
import { test } from "node:test";
import { WorkTimes } from "../../../src/membership/work-times.js";
import { member } from "../../support/member.js";
import { TIMING } from "../../support/step-values.js";

const NO_CLOCKS = { offsetMs: () => 0 };

test("a member begins when it is given work while it owes nothing, or when it has ended the work before", () => {
  const times = new WorkTimes(NO_CLOCKS, 1_000);
  const [a, b] = [member(0), member(1)];
  times.given(a, 1_010, { idle: true });
  times.given(a, 1_040, { idle: false });
  assert.equal(times.sinceBegan(a, 1_050), 40);
  assert.equal(times.ended(a, 1_060), 50);
  assert.equal(times.sinceBegan(a, 1_065), 5);
  times.given(a, 1_100, { idle: true });
  assert.equal(times.ended(a, 1_101), 1);
  assert.equal(times.sinceBegan(b, 1_200), 0, "it was given nothing");
});

test("what a rank did adds up, by the clock of the member that tells it, from its first work of the step on", () => {
  const asked: unknown[] = [];
  const clocks = {
    offsetMs: (...[who, , moments]: [unknown, unknown, unknown]) => {
      asked.push([who, moments]);
      return 1_000;
    },
  };
  const times = new WorkTimes(clocks, 1_000);
  const node = member(0);
  times.given(node, 1_010, { idle: true });
  times.given(node, 1_050, { idle: true });
  times.told(node, 3, { ...TIMING, beganMs: 20, computingMs: 20, sentMs: 80 }, { shards: 1, receivedMs: 1_100 });
  times.told(node, 3, { ...TIMING, beganMs: 90, computingMs: 90, sentMs: 500 }, { shards: 2, receivedMs: 1_200 });
  assert.deepEqual(asked, [
    [node, { assignedMs: 1_010, receivedMs: 1_100 }],
    [node, { assignedMs: 1_010, receivedMs: 1_200 }],
  ]);
  assert.deepEqual([...times.ranks.keys()], [3]);
  const { shards, beganMs, endedMs } = times.ranks.get(3)!;
  assert.deepEqual({ shards, beganMs, endedMs }, { shards: 3, beganMs: 1_020, endedMs: 1_200 });
});
