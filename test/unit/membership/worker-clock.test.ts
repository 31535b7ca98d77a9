import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { WorkerClock } from "../../../src/membership/worker-clock.js";

test("messages both ways find the difference to half of the quickest round trip, whatever the delays", () => {
  fc.assert(
    fc.property(
      fc.double({ min: -1e9, max: 1e9, noNaN: true }),
      fc.array(fc.tuple(fc.double({ min: 0.1, max: 50, noNaN: true }), fc.double({ min: 0.1, max: 50, noNaN: true })), {
        minLength: 1,
        maxLength: 20,
      }),
      (offset, delays) => {
        const clock = new WorkerClock();
        delays.forEach(([there, back], step) => {
          const sent = 1000 * step;
          clock.received(sent, sent + there - offset);
          clock.sent(sent + 500 - offset, sent + 500 + back);
        });
        const quickest = Math.min(...delays.map(([there]) => there)) + Math.min(...delays.map(([, back]) => back));
        // Bounds widen by 0.1 ms in each second.
        assert.ok(Math.abs(clock.offsetMs - offset) <= quickest / 2 + 0.1 * delays.length + 1e-6);
      },
    ),
  );
});

test("a clock that runs 40 ppm faster is followed", () => {
  const clock = new WorkerClock();
  const worker = (ms: number) => 5_000 + ms * (1 + 40e-6);
  for (let at = 0; at < 3_600_000; at += 1000) {
    clock.received(at, worker(at + 0.2));
    clock.sent(worker(at + 700), at + 700.2);
  }
  const now = 3_600_000;
  assert.ok(Math.abs(worker(now) + clock.offsetMs - now) < 0.5, String(worker(now) + clock.offsetMs - now));
});

test("before any message it is taken for ours, after one it is bounded on that side", () => {
  const clock = new WorkerClock();
  assert.equal(clock.offsetMs, 0);
  clock.received(100, 40);
  assert.equal(clock.offsetMs, 60);
  const other = new WorkerClock();
  other.sent(40, 110);
  assert.equal(other.offsetMs, 70);
});
