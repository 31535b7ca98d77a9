/** A run's trace: every process on one clock, whole whatever becomes of the run. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TraceEntry } from "../../src/metrics/trace-events.js";
import { cli, runHere, scratch } from "../support/runs.js";

function entriesIn(path: string): TraceEntry[] {
  return (JSON.parse(readFileSync(path, "utf8")) as { traceEvents: TraceEntry[] }).traceEvents;
}

const end = ({ ts = 0, dur = 0 }: TraceEntry) => ts + dur;
/** Rounding to nanoseconds, in microseconds. */
const ROUNDING = 0.002;

test("gradients are written while their shard is computed, and added once all of them are there, on one clock", async (context) => {
  const trace = join(scratch(context), "trace.json");
  const { events } = await runHere(context, "lenet5", {
    overrides: { epochs: null, steps: 5, shards: 2 },
    placement: { workers: 2, trace, traceSteps: "2-4", checkpointEverySteps: 2 },
  });
  const entries = entriesIn(trace);
  const spans = entries.filter(({ ph }) => ph === "X");
  const of = (step: number, name: RegExp, inRank: boolean) =>
    spans.filter((each) => each.args?.step === step && name.test(each.name) && each.pid > 0 === inRank);
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((step) => of(step, /^step /, false).length),
    [0, 1, 1, 1, 0],
  );
  for (const step of [2, 3, 4]) {
    const [whole] = of(step, /^step /, false);
    const writes = of(step, /^bucket /, true);
    assert.deepEqual([...new Set(writes.map(({ pid }) => pid))].sort(), [1, 2]);
    for (const write of writes) {
      const [forward] = of(step, new RegExp(`^forward, shard ${write.args!.shard}$`), true);
      const [backward] = of(step, new RegExp(`^backward, shard ${write.args!.shard}$`), true);
      assert.ok(forward!.ts! <= write.ts! && write.ts! >= backward!.ts! - ROUNDING && end(write) <= end(backward!));
    }
    // The coordinator's clock and the workers' are one: no gradient is added before a worker writes it. (Writing ends with
    // the message that says so, which may have been read before the worker looks at its clock again.)
    for (const update of of(step, /^bucket /, false))
      for (const write of writes.filter(({ args }) => args!.bucket === update.args!.bucket))
        assert.ok(write.ts! <= update.ts!, `step ${step}: ${write.ts} ${update.ts}`);
    for (const span of [...writes, ...of(step, /^(wait|idle|input|forward|backward)/, true)])
      assert.ok(whole!.ts! - ROUNDING <= span.ts! && end(span) <= end(whole!) + ROUNDING);
  }
  assert.ok(spans.some(({ name }) => name === "checkpoint of step 2"));
  // Viewers ask that the spans of one row do not overlap, unless one holds the other.
  for (const row of new Set(spans.map(({ pid, tid }) => `${pid}.${tid}`))) {
    const inRow = spans.filter(({ pid, tid }) => `${pid}.${tid}` === row);
    const sorted = inRow.toSorted((a, b) => a.ts! - b.ts! || end(b) - end(a));
    sorted.slice(1).forEach((span, index) => {
      const before = sorted[index]!;
      const holds = end(span) <= end(before) + ROUNDING;
      assert.ok(holds || span.ts! >= end(before) - ROUNDING, `${row}: ${before.name} and ${span.name} overlap`);
    });
  }
  for (const event of events) {
    if (event.event !== "step") continue;
    const sum = Object.values(event.phases).reduce((total, seconds) => total + seconds, 0);
    assert.ok(Math.abs(sum - event.duration_seconds) < 1e-9);
  }
});

test("a run that is killed leaves a whole trace; a path that cannot be one ends it before anything is made", async (context) => {
  const dir = scratch(context);
  const trace = join(dir, "trace.json");
  const words = ["launch", "--model", "lenet5", "--dataset", "synthetic", "--device", "cpu", "--gpus", "1", "--json"];
  const run = await cli([...words, "--steps", "5000", "--run-dir", join(dir, "run"), "--trace", trace]);
  await run.waitFor((event) => event.event === "step" && event.step === 12);
  run.child.kill("SIGKILL");
  await run.ended;
  assert.ok(entriesIn(trace).some(({ name }) => name === "step 10"));
  const wrong = await cli([...words, "--run-dir", join(dir, "other"), "--trace", join(dir, "no", "t.json")]);
  assert.equal((await wrong.ended).code, 2);
  assert.match(wrong.stderr(), /--trace .*no\/t\.json: .*ENOENT.*Name a file in a folder that can be written to/);
  assert.ok(!existsSync(join(dir, "other")));
});
