import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { TimelineEvent } from "../../../src/events.js";
import { checkTracePath, TraceFile } from "../../../src/metrics/trace-file.js";
import { temporaryDirectory } from "../../support/temporary.js";

const step = (number: number, spans = 1): TimelineEvent => ({
  event: "timeline",
  step: number,
  spans: Array.from({ length: spans }, () => ({ rank: 0, what: "write", bucket: 1, startMs: 0, endMs: 1 })),
});
const read = (path: string) =>
  JSON.parse(readFileSync(path, "utf8")) as { traceEvents: { args?: { step?: number } }[] };
const stepsIn = (path: string) => read(path).traceEvents.flatMap(({ args }) => args?.step ?? []);

async function begin(context: TestContext, given: Partial<Parameters<typeof TraceFile.create>[0]> = {}) {
  const path = join(temporaryDirectory(context), "trace.json");
  const troubles: string[] = [];
  const onTrouble = (message: string) => void troubles.push(message);
  const steps = { from: 1, to: 1000 };
  return { path, troubles, file: await TraceFile.create({ path, steps, done: 0, now: () => 5, onTrouble, ...given }) };
}

test("it is whole JSON from the beginning, and holds in the end all that was told, in order", async (context) => {
  const { path, file, troubles } = await begin(context);
  assert.deepEqual(read(path).traceEvents, []);
  for (let number = 1; number <= 40; number++) {
    file.observe(step(number));
    if (number % 3 === 0) await turn();
  }
  await file.close();
  assert.deepEqual(
    stepsIn(path),
    Array.from({ length: 40 }, (_, index) => index + 1),
  );
  assert.deepEqual(troubles, []);
});

test("an older file is overwritten, and a run without a traced step leaves an empty trace", async (context) => {
  const path = join(temporaryDirectory(context), "trace.json");
  writeFileSync(path, "x".repeat(10_000));
  const { file } = await begin(context, { path });
  await file.close();
  assert.deepEqual(read(path).traceEvents, []);
});

test("more than memory may hold ends the trace with a word, and what was written stays whole", async (context) => {
  const { path, file, troubles } = await begin(context);
  file.observe(step(1));
  for (let number = 2; number < 80; number++) file.observe(step(number, 10_000));
  await file.close();
  assert.equal(troubles.length, 1);
  assert.match(troubles[0]!, /trace\.json ends early: the disk is slower than the training/);
  assert.equal(stepsIn(path)[0], 1);
});

test("a disk that refuses is an error before the run, with what it said", async (context) => {
  await assert.rejects(begin(context, { path: "/dev/full" }), {
    code: "trace-file",
    message: /--trace \/dev\/full cannot be written: .*ENOSPC/,
  });
});

test("what cannot be a trace's file is refused before anything is made", async (context) => {
  const dir = temporaryDirectory(context);
  await checkTracePath(join(dir, "new.json"));
  writeFileSync(join(dir, "old.json"), "");
  await checkTracePath(join(dir, "old.json"));
  mkdirSync(join(dir, "folder"));
  symlinkSync("/dev/null", join(dir, "device"));
  for (const [name, why] of [
    ["folder", /it is a folder/],
    ["device", /it is not a regular file/],
    ["missing/trace.json", /ENOENT/],
    ["old.json/trace.json", /ENOTDIR/],
  ] as const)
    await assert.rejects(checkTracePath(join(dir, name)), (error: Error & { code?: string; exitCode?: number }) => {
      assert.equal(error.code, "trace-file");
      assert.equal(error.exitCode, 2);
      assert.match(error.message, why);
      return true;
    });
});
