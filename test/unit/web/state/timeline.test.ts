import assert from "node:assert/strict";
import { test } from "node:test";
import type { RankPhases, TimelineEvent } from "../../../../src/events.js";
import { pictureOf } from "../../../../src/web/state/timeline.js";

const timeline = (step: number): TimelineEvent => ({
  event: "timeline",
  step,
  spans: [
    { rank: null, what: "step", startMs: 10 * step, endMs: 10 * step + 9 },
    { rank: null, what: "commit", startMs: 10 * step + 8, endMs: 10 * step + 9 },
    { rank: 1, what: "forward", shard: 2, startMs: 10 * step, endMs: 10 * step + 4 },
    { rank: 0, what: "wait", startMs: 10 * step, endMs: 10 * step },
    { rank: 0, what: "backward", shard: 0, startMs: 10 * step, endMs: 10 * step + 7 },
    { rank: 0, what: "write", shard: 0, bucket: 1, startMs: 10 * step, endMs: 10 * step + 7 },
  ],
});
const stepsOf = (timelines: readonly TimelineEvent[]) => pictureOf(timelines, [])?.steps.map(({ step }) => step);

test("of steps in a row the last whole row is drawn, until the next is whole", () => {
  assert.deepEqual(stepsOf([5].map(timeline)), [5]);
  assert.deepEqual(stepsOf([5, 6, 7].map(timeline)), [5, 6, 7]);
  assert.deepEqual(stepsOf([5, 6, 7, 90].map(timeline)), [5, 6, 7]);
  assert.deepEqual(stepsOf([5, 6, 7, 90, 91].map(timeline)), [5, 6, 7]);
  assert.deepEqual(stepsOf([6, 7, 90, 91].map(timeline)), [90, 91]);
});

test("ranks come in order, the coordinator last; spans of no length, and those within others, are not drawn", () => {
  const picture = pictureOf([timeline(1)], [])!;
  assert.equal(picture.exact, true);
  assert.deepEqual(
    picture.rows.map(({ rank, bars }) => [rank, bars.map(({ what, shard }) => [what, shard])]),
    [
      [0, [["backward", 0]]],
      [1, [["forward", 2]]],
      [null, [["commit", null]]],
    ],
  );
  assert.deepEqual([picture.startMs, picture.endMs], [10, 19]);
});

test("without spans a rank's parts are drawn one after the other", () => {
  const ranks: Record<string, RankPhases> = {
    "0": {
      shards: 1,
      wait_seconds: 0.1,
      input_seconds: 0,
      compute_seconds: 0.2,
      write_seconds: 0.1,
      idle_seconds: 0.2,
    },
  };
  const picture = pictureOf(
    [],
    [1, 2, 3, 4].map((step) => ({ step, seconds: 0.5, ranks })),
  )!;
  assert.equal(picture.exact, false);
  assert.deepEqual(
    picture.steps.map(({ step }) => step),
    [2, 3, 4],
  );
  const bars = picture.rows[0]!.bars.filter(({ step }) => step === 3);
  assert.deepEqual(
    bars.map(({ what, startMs, endMs }) => [what, Math.round(startMs), Math.round(endMs)]),
    [
      ["wait", 500, 600],
      ["compute", 600, 800],
      ["idle", 800, 1000],
    ],
  );
  assert.equal(pictureOf([], []), null);
});
