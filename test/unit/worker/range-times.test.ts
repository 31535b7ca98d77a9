import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_SPANS, toCoordinator } from "../../../src/protocol/messages.js";
import { RangeTimes } from "../../../src/worker/range-times.js";

function twoShards(traced: boolean) {
  const times = new RangeTimes(100, traced);
  times.input(4, 101, 103);
  times.write(4, 1, 110, 111);
  times.write(4, 0, 112, 113);
  times.compute(4, 103, 109, 114);
  times.input(5, 114, 114);
  times.write(5, 1, 118, 119);
  times.write(5, 0, 120, 121);
  times.compute(5, 114, 117, 122);
  return times.told(123);
}

test("parts of a range's shards are added up, from its first input to the end", () => {
  const { spans, ...sums } = twoShards(false);
  assert.deepEqual(sums, {
    assignedMs: 100,
    beganMs: 101,
    computingMs: 103,
    sentMs: 123,
    inputMs: 2,
    computeMs: 19,
    writeMs: 4,
  });
  assert.deepEqual(spans, []);
});

test("of a traced step each part is told: gradients leave within the backward pass", () => {
  assert.deepEqual(twoShards(true).spans.slice(0, 5), [
    ["input", 4, -1, 101, 103],
    ["write", 4, 1, 110, 111],
    ["write", 4, 0, 112, 113],
    ["forward", 4, -1, 103, 109],
    ["backward", 4, -1, 109, 114],
  ]);
});

test("of a traced step, when each device computed, from the shard's start on", () => {
  const told = (traced: boolean) => {
    const times = new RangeTimes(100, traced);
    times.devices(4, 103, [
      { device: 0, startMs: 0, endMs: 5 },
      { device: 1, startMs: 2, endMs: 6 },
    ]);
    return times.told(123).spans;
  };
  assert.deepEqual(told(true), [
    ["device", 4, 0, 103, 108],
    ["device", 4, 1, 105, 109],
  ]);
  assert.deepEqual(told(false), []);
});

test("a range of no shard began when it ended, and one of many stays within what a message may hold", () => {
  assert.deepEqual(new RangeTimes(1, true).told(3), {
    ...new RangeTimes(1, false).told(3),
    beganMs: 3,
    computingMs: 3,
  });
  const times = new RangeTimes(0, true);
  for (let at = 0; at < MAX_SPANS + 10; at++) times.write(at, 0, at, at + 1);
  const timing = times.told(5);
  assert.equal(timing.writeMs, MAX_SPANS + 10);
  assert.equal(timing.spans.length, MAX_SPANS);
  const work = { run: "r", rank: 0, incarnation: 0, step: 1, version: 0, start: 0, end: 1 };
  assert.ok(toCoordinator.safeParse({ type: "finished", ...work, timing }).success);
  const more = { ...timing, spans: [...timing.spans, ...timing.spans.slice(0, 1)] };
  assert.ok(!toCoordinator.safeParse({ type: "finished", ...work, timing: more }).success);
  for (const wrong of [{ inputMs: -1 }, { sentMs: Number.POSITIVE_INFINITY }, { writeMs: Number.NaN }])
    assert.ok(!toCoordinator.safeParse({ type: "finished", ...work, timing: { ...timing, ...wrong } }).success);
});
