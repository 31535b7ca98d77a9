import assert from "node:assert/strict";
import { existsSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { RunLock } from "../../../src/lock/lock.js";
import { freeFolder } from "../../../src/run/free-folder.js";
import { FakeClock, settle } from "../../support/fake-clock.js";
import { temporaryDirectory } from "../../support/temporary.js";

const ELSEWHERE = { host: "node7", boot: "other", namespace: "pid:[1]", installation: "other" };

/** A wait, its end, and what it told. */
function wait(dir: string, clock: FakeClock, signal?: AbortSignal) {
  const notes: string[] = [];
  const waited = { over: false, error: null as unknown };
  freeFolder(dir, { signal, note: (text) => notes.push(text) }, clock).then(
    () => Object.assign(waited, { over: true }),
    (error) => Object.assign(waited, { over: true, error }),
  );
  return { notes, waited };
}

test("a folder that nobody holds, that is none, or cannot be written is not waited for", async (context) => {
  const dir = temporaryDirectory(context);
  writeFileSync(join(dir, "file"), "");
  for (const path of [dir, join(dir, "new"), join(dir, "file")]) {
    await freeFolder(path, { note: assert.fail }, new FakeClock());
    assert.ok(!existsSync(join(path, "lock")));
  }
});

test("a holder that ends is waited for, with one word about it", async (context) => {
  const dir = temporaryDirectory(context);
  const lock = RunLock.take(join(dir, "lock"), ELSEWHERE);
  const clock = new FakeClock();
  const { notes, waited } = wait(dir, clock);
  await clock.advance(5000);
  assert.equal(waited.over, false);
  lock.release();
  await clock.advance(1000);
  assert.deepEqual(waited, { over: true, error: null });
  assert.equal(notes.length, 1);
  assert.match(
    notes[0]!,
    /is in use by another run \(process \d+\) on node7 .* It is waited for: .* 120 s of silence\.$/,
  );
});

test("a holder that cannot be seen is waited for until it has been silent for long enough", async (context) => {
  const dir = temporaryDirectory(context);
  const lock = RunLock.take(join(dir, "lock"), ELSEWHERE);
  context.after(() => lock.release());
  const clock = new FakeClock();
  const { waited } = wait(dir, clock);
  await clock.advance(2000);
  assert.equal(waited.over, false);
  const old = new Date(Date.now() - 121_000);
  utimesSync(join(dir, "lock"), old, old);
  await clock.advance(1000);
  assert.deepEqual(waited, { over: true, error: null });
});

test("a holder that shows that it lives is told of in the end, and a signal ends the wait", async (context) => {
  const dir = temporaryDirectory(context);
  const lock = RunLock.take(join(dir, "lock"));
  context.after(() => lock.release());
  const clock = new FakeClock();
  const stopping = new AbortController();
  const [living, stopped] = [wait(dir, clock), wait(dir, clock, stopping.signal)];
  await clock.advance(139_000);
  assert.equal(living.waited.over, false);
  stopping.abort();
  await clock.advance(2000);
  await settle();
  assert.equal((living.waited.error as { code: string }).code, "run-dir-in-use");
  assert.equal((stopped.waited.error as { code: string }).code, "stopped");
});
