import assert from "node:assert/strict";
import fs, {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CnnDistError, UsageError } from "../../../src/errors.js";
import { RunLock } from "../../../src/lock/lock.js";
import { type Machine, thisMachine } from "../../../src/lock/lock-holder.js";
import { processIdentity } from "../../../src/process-identity.js";
import { refusing, withCalls } from "../../support/failing-calls.js";
import { temporaryDirectory } from "../../support/temporary.js";

const ELSEWHERE: Machine = { host: "node7", boot: "other", namespace: "pid:[4026531836]", installation: "other" };
const refused = (act: () => unknown, message: RegExp, code = "run-dir-in-use") =>
  assert.throws(act, (error: unknown) => {
    assert.ok(error instanceof UsageError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });

test("one holder at a time, who leaves nothing behind", (context) => {
  const dir = temporaryDirectory(context);
  const path = join(dir, "lock");
  const lock = RunLock.take(path);
  refused(() => RunLock.take(path), new RegExp(`is in use by another run \\(process ${process.pid}\\) on .* since 20`));
  lock.assertHeld();
  assert.deepEqual(readdirSync(dir), ["lock"]);
  lock.release();
  assert.deepEqual(readdirSync(dir), []);
  RunLock.take(path).release();
});

test("a lock of another host names its holder, and the way to take it over", (context) => {
  const path = join(temporaryDirectory(context), "lock");
  const lock = RunLock.take(path, ELSEWHERE);
  context.after(() => lock.release());
  refused(
    () => RunLock.take(path),
    /\(process \d+\) on node7 since 20.*cannot be seen from here.*last sign of life was \d+ s ago.*remove the file .*lock and start again/s,
  );
  const old = new Date(Date.now() - 121_000);
  utimesSync(path, old, old);
  const taken = RunLock.take(path);
  taken.assertHeld();
  taken.release();
});

test("of this machine, a dead holder's lock is taken over at once, and so is one that was left in taking over", (context) => {
  const path = join(temporaryDirectory(context), "lock");
  const dead = { ...thisMachine(), pid: 4194303, process: "4194303 1", since: null, id: "d" };
  for (const left of [path, `${path}.takeover`, `${path}.takeover.takeover`]) writeFileSync(left, JSON.stringify(dead));
  const lock = RunLock.take(path);
  assert.equal(JSON.parse(readFileSync(path, "utf8")).pid, process.pid);
  lock.release();
  assert.ok(!existsSync(path) && !existsSync(`${path}.takeover`));
});

test("what was left beside the lock by who was killed as he took it goes, and what a living one has there stays", (context) => {
  const dir = temporaryDirectory(context);
  const holder = { ...thisMachine(), since: null };
  const dead = { ...holder, pid: 4194303, process: "4194303 1", id: "d" };
  const living = { ...holder, pid: process.pid, process: processIdentity(process.pid), id: "l" };
  const elsewhere = { ...dead, ...ELSEWHERE, id: "e" };
  for (const name of ["lock.d", "lock.d.new", "lock.takeover"]) writeFileSync(join(dir, name), JSON.stringify(dead));
  writeFileSync(join(dir, "lock.l"), JSON.stringify(living));
  writeFileSync(join(dir, "lock.e"), JSON.stringify(elsewhere));
  const lock = RunLock.take(join(dir, "lock"));
  assert.deepEqual(readdirSync(dir).sort(), ["lock", "lock.e", "lock.l"]);
  lock.release();
});

test("who takes a dead holder's lock over at this moment is named", (context) => {
  const path = join(temporaryDirectory(context), "lock");
  const holder = { ...thisMachine(), since: null };
  writeFileSync(path, JSON.stringify({ ...holder, pid: 4194303, process: "4194303 1", id: "d" }));
  const living = { ...holder, pid: process.pid, process: processIdentity(process.pid), id: "l" };
  writeFileSync(`${path}.takeover`, JSON.stringify(living));
  refused(() => RunLock.take(path), new RegExp(`process ${process.pid}`));
});

test("locks that older versions left, and damaged ones, are respected until they have been silent for long", (context) => {
  const path = join(temporaryDirectory(context), "lock");
  const old = new Date(Date.now() - 200_000);
  for (const text of ["4194303 1", "", "{"]) {
    writeFileSync(path, text);
    refused(() => RunLock.take(path), /is in use by another run/);
    utimesSync(path, old, old);
    RunLock.take(path).release();
  }
  writeFileSync(path, `${processIdentity(process.pid)}`);
  utimesSync(path, old, old);
  refused(() => RunLock.take(path), new RegExp(`in use by another run \\(process ${process.pid}\\)`));
});

test("a lock that is a folder is told as what it is", (context) => {
  const path = join(temporaryDirectory(context), "lock");
  mkdirSync(path);
  refused(() => RunLock.take(path), /lock is not a file.*Move it away/, "run-dir");
});

test("a folder that is gone for a while takes no lock away, and after two minutes nothing may be written there", (context) => {
  const dir = join(temporaryDirectory(context), "run");
  const [path, elsewhere] = [join(dir, "lock"), `${dir}-elsewhere`];
  mkdirSync(dir);
  let nowMs = 1_000_000;
  const lock = RunLock.take(path, thisMachine(), () => nowMs);
  renameSync(dir, elsewhere);
  nowMs += 60_000;
  lock.assertMayWrite(); // nobody else can hold it yet
  nowMs += 61_000;
  lock.assertHeld();
  assert.throws(() => lock.assertMayWrite(), { code: "checkpoint", message: /lock has not been readable for 121 s/ });
  renameSync(elsewhere, dir);
  lock.assertMayWrite();
  lock.release();
});

test("a machine that was paused, whose clock stood still, finds out before it changes a file", (context) => {
  const path = join(temporaryDirectory(context), "lock");
  const lock = RunLock.take(path, thisMachine(), () => 1_000_000);
  lock.assertMayWrite();
  writeFileSync(path, "another's");
  lock.assertHeld();
  assert.throws(() => lock.assertMayWrite(), { code: "lock-lost" });
  assert.throws(() => lock.assertHeld(), { code: "lock-lost" });
});

test("a lock that can be read, and not written, is held as long as it is the run's own", async (context) => {
  const path = join(temporaryDirectory(context), "lock");
  let nowMs = 1_000_000;
  const lock = RunLock.take(path, thisMachine(), () => nowMs);
  await withCalls(fs, { openSync: refusing("EROFS") }, () => {
    nowMs += 300_000;
    lock.assertMayWrite();
    writeFileSync(path, "another's");
    nowMs += 30_000;
    assert.throws(() => lock.assertMayWrite(), { code: "lock-lost" });
  });
});

test("a lock that a file server does not let be read says nothing, and after two minutes nothing may be written", async (context) => {
  const path = join(temporaryDirectory(context), "lock");
  let nowMs = 1_000_000;
  const lock = RunLock.take(path, thisMachine(), () => nowMs);
  for (const code of ["ESTALE", "EIO", "ETIMEDOUT"]) {
    await withCalls(fs, { openSync: refusing(code), readFileSync: refusing(code) }, () => {
      nowMs += 100_000;
      lock.assertMayWrite();
      nowMs += 100_000;
      lock.assertHeld();
      assert.throws(() => lock.assertMayWrite(), { code: "checkpoint" });
    });
    lock.assertMayWrite();
  }
  lock.release();
});

test("a holder that lost its lock while it slept stops before its next commit, and leaves the new one alone", (context) => {
  const dir = temporaryDirectory(context);
  const path = join(dir, "lock");
  for (const lose of [() => rmSync(path), () => writeFileSync(path, "another's")]) {
    let nowMs = 1_000_000;
    const lock = RunLock.take(path, thisMachine(), () => nowMs);
    lose();
    lock.assertHeld(); // it was seen a moment ago
    nowMs += 30_000;
    assert.throws(
      () => lock.assertHeld(),
      (error) => error instanceof CnnDistError && error.code === "lock-lost",
    );
    lock.release();
    rmSync(path, { force: true });
  }
});
