/** The library's functions on one small run, in one process, as a program would call them. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import type { EvalEvent, RunEvent } from "../../../src/events.js";
import { evaluate, exportCheckpoint, predict, resume, train, verify } from "../../../src/index.js";
import { fixturePath, ROOT } from "../../support/fixtures.js";
import { seeEightGpus } from "../../support/gpus.js";
import { SMALL_DATA, scratch } from "../../support/runs.js";
import { temporaryDirectory } from "../../support/temporary.js";

const HERE = { device: "cpu", metrics: false } as const;
const SMALL = { ...HERE, model: "lenet5", dataset: "synthetic", datasetOptions: SMALL_DATA, batchSize: 64 } as const;

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of stream) all.push(each);
  return all;
}
const last = (events: readonly RunEvent[]) => events.at(-1)!;

test("a run is trained, resumed, verified, evaluated, asked and exported", async (context) => {
  const dir = scratch(context);
  const runDir = join(dir, "run");
  const trained = await collect(train({ ...SMALL, gpus: 2, epochs: 1, runDir }));
  const plan = trained.find((event) => event.event === "plan")!;
  assert.equal(plan.workers, 2);
  const done = last(trained);
  assert.ok(done.event === "done" && done.step === 3);

  const replayed: number[] = [];
  const verification = await verify(runDir, { device: "cpu", workers: 1, onStep: (step) => replayed.push(step) });
  assert.deepEqual([verification.identical, verification.steps], [true, 3]);
  assert.equal(verification.weights_sha256, done.weights_sha256);
  assert.deepEqual(replayed, [1, 2, 3]);

  // Twice, since TensorFlow and tfjs are one of each in a process.
  const evaluated = trained.find((event): event is EvalEvent => event.event === "eval")!;
  for (const threads of [1, 1]) {
    const scores = await evaluate(runDir, { device: "cpu", threads });
    assert.ok(Math.abs(scores.loss - evaluated.loss) < 1e-5, `${scores.loss}, in training ${evaluated.loss}`);
    assert.equal(scores.images, SMALL_DATA.test);
    assert.equal(scores.step, 3);
  }
  await assert.rejects(evaluate(runDir, { device: "cpu", threads: 2 }), { code: "engine-open" });
  const image = fixturePath("images/gradient.png");
  const [prediction, ...others] = await collect(predict(runDir, [image], { device: "cpu", threads: 1, top: 3 }));
  assert.equal(prediction!.image, image);
  assert.equal(prediction!.classes.length, 3);
  assert.equal(others.length, 0);

  const output = join(dir, "out.safetensors");
  const exported = await exportCheckpoint(runDir, { format: "safetensors", output });
  assert.deepEqual([exported.model, exported.step, exported.files], ["lenet5", 3, [output]]);
  assert.equal(readFileSync(output).byteLength, exported.size_bytes);

  const resumed = last(await collect(resume(runDir, { ...HERE, workers: 1, steps: 5 })));
  assert.ok(resumed.event === "done" && resumed.step === 5);
  assert.equal((await evaluate(runDir, { device: "cpu", threads: 1 })).step, 5);
});

test("an evaluation and a prediction change nothing of what the next training sees", async (context) => {
  const runDir = join(scratch(context), "run");
  await collect(train({ ...SMALL, workers: 1, steps: 1, runDir }));
  seeEightGpus(context);
  const shardsOfTheNext = () =>
    assert.rejects(train({ batchSize: 7 }).next(), /--batch-size 7 is smaller than --shards 8/);
  await shardsOfTheNext();
  const before = { ...process.env };
  await evaluate(runDir, { device: "cpu", threads: 1 });
  await shardsOfTheNext();
  await collect(predict(runDir, [fixturePath("images/gradient.png")], { device: "cpu", threads: 1 }));
  await shardsOfTheNext();
  const { TF_CPP_MIN_LOG_LEVEL: _, ...after } = process.env; // how much TensorFlow says: no training depends on it
  delete before.TF_CPP_MIN_LOG_LEVEL;
  assert.deepEqual(after, before);
});

test("a signal that comes while it trains ends as stopped, saved; leaving the loop frees the run's folder", async (context) => {
  const runDir = join(scratch(context), "run");
  const stopping = new AbortController();
  const events: RunEvent[] = [];
  for await (const event of train({ ...SMALL, workers: 1, steps: 100_000, runDir, signal: stopping.signal })) {
    events.push(event);
    if (event.event === "step" && event.step === 2) stopping.abort();
  }
  const stopped = last(events);
  assert.ok(stopped.event === "stopped" && stopped.step >= 2);
  assert.ok(stopped.checkpoint !== null && existsSync(join(stopped.checkpoint, "manifest.json")));
  for await (const event of resume(runDir, { ...HERE, workers: 1 })) if (event.event === "step") break;
  assert.ok(!existsSync(join(runDir, "lock")));
});

test("the example of docs/library.md runs as it stands", async (context) => {
  const cwd = temporaryDirectory(context);
  const [, example] = /## An example\n\n```ts\n([\s\S]*?)```/.exec(
    readFileSync(join(ROOT, "docs/library.md"), "utf8"),
  )!;
  mkdirSync(join(cwd, "node_modules"));
  symlinkSync(ROOT, join(cwd, "node_modules", "cnn-dist"));
  writeFileSync(join(cwd, "example.mjs"), example!);
  const { stdout } = await promisify(execFile)(process.execPath, ["example.mjs"], { cwd });
  assert.match(stdout, /^0\.\d+ \{ name: 'Sandal', images: 1000, hits: \d+, accuracy: 0\.\d+ \}\n$/);
});
