import assert from "node:assert/strict";
import { test } from "node:test";
import { type MarkKind, spansOf } from "../../../../src/engine/trace/marks.js";

const mark = (device: number, kind: MarkKind, ms: number) => ({ device, kind, ms });

test("a device worked from where it began, or had ended something, to each end; between them it waited", () => {
  const marks = [
    mark(0, "ends", 40),
    mark(0, "ends", 10),
    mark(1, "ends", 25),
    mark(0, "begins", 30), // it waited for device 1 from 10 on
    mark(0, "ends", 45),
    mark(1, "begins", 26),
    mark(1, "ends", 50),
  ];
  assert.deepEqual(spansOf(marks), [
    { device: 0, startMs: 0, endMs: 10 },
    { device: 1, startMs: 0, endMs: 25 },
    { device: 0, startMs: 30, endMs: 45 },
    { device: 1, startMs: 26, endMs: 50 },
  ]);
});

test("nothing marked, no time, or a beginning alone: no span", () => {
  assert.deepEqual(spansOf([]), []);
  assert.deepEqual(spansOf([mark(0, "ends", 0), mark(0, "begins", 7)]), []);
});
