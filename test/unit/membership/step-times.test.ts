import assert from "node:assert/strict";
import { test } from "node:test";
import { rankTimes, WorkerClocks } from "../../../src/membership/step-times.js";
import type { Timing } from "../../../src/protocol/messages.js";
import { member } from "../../support/member.js";
import { TIMING } from "../../support/step-values.js";

const AT = { shards: 1, offsetMs: 1000, stepMs: 1005, receivedMs: 1400 };

test("a worker's moments are brought to the coordinator's clock, and its ranges are one", () => {
  const first: Timing = {
    ...TIMING,
    beganMs: 10,
    computingMs: 20,
    sentMs: 110,
    spans: [
      ["backward", 3, -1, 50, 100],
      ["write", 3, 0, 90, 95],
      ["device", 3, 1, 30, 70],
    ],
  };
  const one = rankTimes(undefined, first, AT);
  assert.deepEqual(one, {
    shards: 1,
    beganMs: 1010,
    computingMs: 1020,
    endedMs: 1110,
    inputMs: 2,
    computeMs: 10,
    writeMs: 1,
    spans: [
      { what: "backward", shard: 3, startMs: 1050, endMs: 1100 },
      { what: "write", shard: 3, bucket: 0, startMs: 1090, endMs: 1095 },
      { what: "device", shard: 3, device: 1, startMs: 1030, endMs: 1070 },
    ],
  });
  const both = rankTimes(one, { ...TIMING, beganMs: 120, computingMs: 121, sentMs: 200 }, { ...AT, shards: 2 });
  assert.deepEqual(
    [both.shards, both.beganMs, both.computingMs, both.endedMs, both.inputMs, both.computeMs, both.writeMs],
    [3, 1010, 1020, 1200, 4, 20, 2],
  );
  assert.equal(both.spans.length, 3);
});

test("what a worker says lies within the step, whatever it says", () => {
  const liar: Timing = {
    assignedMs: 1e15,
    beganMs: 0,
    computingMs: 1e15,
    sentMs: 0,
    inputMs: 1e15,
    computeMs: 1e15,
    writeMs: 1e15,
    spans: [["write", 0, 0, 1e15, 0]],
  };
  const { spans, ...times } = rankTimes(undefined, liar, { ...AT, offsetMs: -3 });
  assert.deepEqual(times, {
    shards: 1,
    beganMs: 1005,
    computingMs: 1400,
    endedMs: 1005,
    inputMs: 395,
    computeMs: 395,
    writeMs: 395,
  });
  assert.deepEqual(spans, [{ what: "write", shard: 0, bucket: 0, startMs: 1400, endMs: 1400 }]);
});

test("processes of this machine share its clock; another host's is found from the messages, for each member by itself", () => {
  const clocks = new WorkerClocks();
  const at = { assignedMs: 100, receivedMs: 300 };
  const timing: Timing = { ...TIMING, assignedMs: 7102, sentMs: 7298 };
  assert.equal(clocks.offsetMs(member(0), timing, at), 0);
  assert.equal(Math.round(clocks.offsetMs({ ...member(1), local: false }, timing, at)), -7000);
  const other = { ...member(2), local: false };
  assert.equal(Math.round(clocks.offsetMs(other, { ...timing, assignedMs: 2, sentMs: 198 }, at)), 100);
});
