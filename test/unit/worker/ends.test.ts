/** How a worker ends: by errors, refusals and evictions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Recipe } from "../../../src/config/recipe.js";
import { CnnDistError } from "../../../src/errors.js";
import { KeptSetup } from "../../../src/worker/kept-setup.js";
import { OtherRecipe } from "../../../src/worker/other-recipe.js";
import type { WorkerSetup } from "../../../src/worker/worker.js";
import { settle } from "../../support/fake-clock.js";
import { startWorker } from "../../support/fake-setup.js";
import { accepted, assign, stopped } from "../../support/started-worker.js";

test("what nobody has put in words is told with the log that holds its stack", async (context) => {
  const log = "/runs/a/logs/rank-2.log";
  const thrown = (error: Error) =>
    startWorker(context, {
      log,
      prepare: () => Promise.reject(error),
    });
  const cause = new TypeError("x is not a function");
  for (const error of [cause, new CnnDistError("unexpected", cause.message, { cause })]) {
    const worker = thrown(error);
    worker.accept();
    const outcome = await worker.outcome;
    assert.deepEqual(
      worker.of("failed").map(({ message }) => message),
      [`x is not a function\nThe whole stack is in ${log}.`],
    );
    assert.equal(outcome.detail, `x is not a function\n${cause.stack}`);
  }
  const known = thrown(new CnnDistError("tensorflow", "no such op"));
  known.accept();
  assert.equal((await known.outcome).detail, "no such op");
  assert.deepEqual(
    known.of("failed").map(({ message }) => message),
    ["no such op"],
  );
});

test("what goes wrong is told to the coordinator and ends the worker", async (parent) => {
  await parent.test("in preparing, with the error's code", async (context) => {
    const worker = startWorker(context, {
      prepare: () => Promise.reject(new CnnDistError("model-differs", "another file")),
    });
    worker.accept();
    assert.deepEqual(await worker.outcome, { kind: "failed", detail: "another file" });
    await settle();
    assert.deepEqual(
      worker.of("failed").map(({ code, message }) => [code, message]),
      [["model-differs", "another file"]],
    );
  });
  await parent.test("in a step", async (context) => {
    const worker = startWorker(context);
    worker.computer.gate = () => Promise.reject(new Error("Conv2D: out of memory"));
    await accepted(worker);
    worker.sayWeights(0);
    assign(worker, 1, [0]);
    const outcome = await worker.outcome;
    await settle();
    assert.equal(outcome.kind, "failed");
    assert.match(outcome.detail, /Conv2D: out of memory\n {4}at /);
    assert.deepEqual(
      worker.of("failed").map(({ code, message }) => [code, message]),
      [["unexpected", "Conv2D: out of memory"]],
    );
    assert.equal(worker.closed.times, 1);
  });
  await parent.test("work without its weights", async (context) => {
    const worker = startWorker(context);
    await accepted(worker);
    assign(worker, 1, [0]);
    assert.match((await worker.outcome).detail, /work at version 0 was assigned before its weights/);
  });
  await parent.test("weights of another layout", async (context) => {
    const worker = startWorker(context);
    await accepted(worker);
    worker.tell({ type: "weights", kind: "raw", version: 0, bucket: 0 }, new Float32Array(99));
    assert.match((await worker.outcome).detail, /bucket 0 of version 0 came with 396 bytes/);
  });
  await parent.test("a message that is none", async (context) => {
    const worker = startWorker(context);
    worker.network.coordinator.send(worker.link.peer, { header: Uint8Array.of(0xc1) });
    const outcome = await worker.outcome;
    assert.equal(outcome.kind, "failed");
    assert.match(outcome.detail, /does not know \(/);
  });
});

test("who failed ends only once that was heard: its end must not be seen before its reason", async (context) => {
  const worker = startWorker(context, {
    answers: false,
    prepare: () => Promise.reject(new CnnDistError("trace-read", "in own.mjs")),
  });
  worker.accept();
  let ended = false;
  worker.outcome.then(() => {
    ended = true;
  });
  for (let turn = 0; turn < 5; turn++) await settle();
  assert.deepEqual([worker.of("failed").length, ended], [1, false]);
  worker.tell({ type: "evict", reason: "it failed" });
  assert.deepEqual(await worker.outcome, { kind: "failed", detail: "in own.mjs" });
});

test("what this worker cannot compute is a refusal: it would not help to start it again", async (context) => {
  for (const code of ["model-not-allowed", "towers"] as const) {
    const worker = startWorker(context, { prepare: () => Promise.reject(new CnnDistError(code, "not here")) });
    worker.accept();
    assert.deepEqual(await worker.outcome, { kind: "refused", detail: "not here" });
  }
});

test("refusal and eviction are outcomes with their reasons", async (context) => {
  const refused = startWorker(context);
  refused.tell({ type: "refuse", code: "fingerprint", message: "threads: 1 here, 2 there" });
  assert.deepEqual(await refused.outcome, { kind: "refused", detail: "threads: 1 here, 2 there" });
  const evicted = startWorker(context);
  await accepted(evicted);
  evicted.tell({ type: "evict", reason: "silence" });
  assert.deepEqual(await evicted.outcome, { kind: "evicted", detail: "silence" });
  assert.equal(evicted.closed.times, 1);
});

test("after the end nothing is begun, and a step that the end cancels is no failure", async (context) => {
  const worker = startWorker(context);
  let cancel = (_: Error) => {};
  worker.computer.gate = () =>
    new Promise((_, reject) => {
      cancel = reject;
    });
  await accepted(worker);
  worker.sayWeights(0);
  assign(worker, 1, [0]);
  await settle();
  await stopped(worker);
  cancel(new Error("cancelled"));
  assign(worker, 2, [1]);
  await settle();
  assert.equal(worker.of("failed").length, 0);
  assert.equal(worker.computer.shards, 1);
});

test("a worker that loses its coordinator is separated once nothing is computed, and says nothing more", async (context) => {
  const worker = startWorker(context, { rejoins: true });
  worker.connect(true);
  let finish = () => {};
  worker.computer.gate = () =>
    new Promise((resolve) => {
      finish = resolve;
    });
  await accepted(worker);
  worker.sayWeights(0);
  assign(worker, 1, [0, 1]);
  await settle();
  const before = worker.said.length;
  let over = false;
  void worker.outcome.then(() => {
    over = true;
  });
  worker.connect(false);
  await settle();
  assert.equal(over, false, "TensorFlow still computes");
  finish();
  assert.deepEqual(await worker.outcome, { kind: "separated", detail: "the coordinator is gone" });
  assert.equal(worker.computer.shards, 1, "the other shard is not begun");
  assert.equal(worker.said.length, before);
  assert.equal(worker.closed.times, 0);
});

test("a worker that cannot come back waits for the connection to heal, and then leaves; so does one that never had any", async (context) => {
  const local = startWorker(context, { aloneMs: 50 });
  local.connect(true);
  local.connect(false);
  assert.deepEqual(await local.outcome, { kind: "failed", detail: "the coordinator is gone (waited 0.05 s)" });
  const early = startWorker(context, { aloneMs: 50, rejoins: true });
  assert.deepEqual(await early.outcome, { kind: "failed", detail: "no coordinator answers (waited 0.05 s)" });
});

test("what was prepared is there for the next incarnation; another recipe needs another process", async (context) => {
  let opened = 0;
  let closed = 0;
  const worker = startWorker(context);
  const setup = { close: async () => void closed++ } as WorkerSetup;
  const kept = new KeptSetup(async () => {
    opened++;
    return setup;
  });
  const prepare = (recipe: Recipe) => kept.prepare(recipe, null, () => {});
  const first = await prepare(worker.recipe);
  await first.close();
  await prepare({ ...worker.recipe, epochs: 9 });
  assert.deepEqual([opened, closed], [1, 0]);
  await assert.rejects(prepare({ ...worker.recipe, threads: 2 }), OtherRecipe);
  await kept.close();
  assert.equal(closed, 1);

  const other = startWorker(context, { prepare: () => Promise.reject(new OtherRecipe("another")) });
  other.accept();
  assert.deepEqual(await other.outcome, { kind: "evicted", detail: "another" });
  assert.deepEqual(other.of("failed"), []);
});
