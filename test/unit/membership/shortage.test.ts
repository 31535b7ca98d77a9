import assert from "node:assert/strict";
import { test } from "node:test";
import { Shortage } from "../../../src/membership/shortage.js";

const many = { possible: Number.POSITIVE_INFINITY };

test("without --min-workers any number will do", () => {
  const shortage = new Shortage({ minWorkers: null, waitWorkers: 1 }, 0);
  assert.equal(shortage.of(0), false);
  assert.equal(shortage.look({ ready: 0, possible: 0, now: 1e9 }), null);
});

test("a run's start is not worth a word; what comes later is told once, with its end, and waited for", () => {
  const shortage = new Shortage({ minWorkers: 3, waitWorkers: 10 }, 0);
  assert.equal(shortage.look({ ...many, ready: 0, now: 10_000 }), null);
  assert.equal(shortage.of(2), true);
  assert.equal(shortage.of(3), false);
  assert.equal(shortage.look({ ...many, ready: 3, now: 10_000 }), null);
  assert.deepEqual(shortage.look({ ...many, ready: 1, now: 20_000 }), {
    level: "warn",
    message: "1 worker of the 3 that --min-workers asks for is there: the training waits for others, 10 s at most",
  });
  assert.equal(shortage.look({ ...many, ready: 2, now: 30_000 }), null);
  assert.deepEqual(shortage.look({ ...many, ready: 3, now: 30_001 }), {
    level: "info",
    message: "3 workers are there: the training goes on",
  });
  assert.equal(shortage.look({ ...many, ready: 2, now: 40_000 })?.level, "warn");
  shortage.forgive(5_000);
  assert.equal(shortage.look({ ...many, ready: 2, now: 55_000 }), null);
  assert.deepEqual(shortage.look({ ...many, ready: 2, now: 55_001 }), {
    level: "error",
    message: "2 workers of the 3 that --min-workers asks for are there, after 10 s (--wait-workers)",
  });
});

test("where so many cannot come any more, nobody is waited for", () => {
  const shortage = new Shortage({ minWorkers: 2, waitWorkers: 10 }, 0);
  const found = shortage.look({ ready: 1, possible: 1, now: 1 });
  assert.deepEqual(found, {
    level: "error",
    message: "1 worker of the 2 that --min-workers asks for is there, and not enough others can come",
  });
});
