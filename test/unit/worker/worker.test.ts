import assert from "node:assert/strict";
import { test } from "node:test";
import { batchOf, EpochOrder } from "../../../src/data/order.js";
import { CnnDistError } from "../../../src/errors.js";
import { childrenOf, type Range } from "../../../src/parameters/tree.js";
import { deriveKey } from "../../../src/random.js";
import { settle } from "../../support/fake-clock.js";
import { DATA, fakeGradient, startWorker } from "../../support/fake-setup.js";

type Started = ReturnType<typeof startWorker>;

async function accepted(worker: Started): Promise<void> {
  worker.accept();
  await settle();
  assert.equal(worker.of("join").length, 1);
}

async function stopped(worker: Started): Promise<void> {
  worker.tell({ type: "stop", reason: "done" });
  assert.deepEqual(await worker.outcome, { kind: "stopped", detail: "done" });
}

function assign(worker: Started, step: number, shards: number[], stepInEpoch = (step - 1) % 3): void {
  const batch = batchOf(DATA.train.count, worker.recipe.batchSize, stepInEpoch);
  worker.tell({ type: "assign", step, version: step - 1, epoch: 0, stepInEpoch, batch, shards });
}

/** What a shard must be given, worked out from seed, step and shard alone. */
function inputOf({ recipe }: Started, step: number, shard: number, stepInEpoch: number) {
  const { batchSize, shards, seed } = recipe;
  const samples = new EpochOrder(seed, DATA.train.count).samples({ epoch: 0, stepInEpoch, batchSize, shards, shard });
  const pixels = new Uint8Array(samples.length * 4);
  DATA.train.copyImages(samples, pixels);
  const labels = [...samples].map((sample) => DATA.train.labels[sample]!);
  const [low, high] = deriveKey(seed, "noise", step, shard);
  const scale = 1 / batchOf(DATA.train.count, batchSize, stepInEpoch);
  return { pixels, labels, scale, seed: [low | 0, high | 0] as const };
}

function sumOf(range: Range, leaf: (shard: number) => Float32Array | null): Float32Array | null {
  const children = childrenOf(range);
  if (!children) return leaf(range.start);
  const [left, right] = [sumOf(children[0], leaf), sumOf(children[1], leaf)];
  if (!left || !right) return left ?? right;
  return left.map((value, index) => value + right[index]!);
}

test("hello, recipe, progress, join: in this order, with all that the coordinator compares", async (context) => {
  const worker = startWorker(context, {
    prepare: async (setup, progress) => {
      progress("reading synthetic");
      return setup;
    },
  });
  await accepted(worker);
  assert.deepEqual(
    worker.said.map(({ message }) => message.type),
    ["hello", "progress", "join"],
  );
  assert.equal(worker.of("hello")[0]!.token, "token");
  assert.equal(worker.of("join")[0]!.datasetSha256, DATA.sha256);
  await stopped(worker);
  assert.equal(worker.closed.times, 1);
});

test("a user model's layout and values go with the join", async (context) => {
  const parameters = [{ name: "own/kernel", shape: [2], role: "trainable" as const, decay: true }];
  const worker = startWorker(context, { setup: { initialValues: { parameters, values: Float32Array.of(1, 2) } } });
  await accepted(worker);
  assert.deepEqual(worker.of("join")[0]!.parameters, parameters);
  assert.deepEqual(worker.of("join")[0]!.values, Float32Array.of(1, 2));
  await stopped(worker);
});

for (const shards of [[0, 1, 2, 3], [0, 1], [1, 2, 3], [3]]) {
  test(`shards ${shards} of full and short steps: losses, sums along the tree and states, to the bit`, async (context) => {
    const worker = startWorker(context);
    await accepted(worker);
    for (const step of [1, 2, 3]) {
      const stepInEpoch = step - 1;
      const weights = worker.sayWeights(step - 1);
      const from = worker.said.length;
      assign(worker, step, shards);
      await settle();
      const inputs = new Map(shards.map((shard) => [shard, inputOf(worker, step, shard, stepInEpoch)]));
      const present = shards.filter((shard) => inputs.get(shard)!.labels.length > 0);
      const gradient = (shard: number, vector: number) => {
        const input = inputs.get(shard);
        return input && input.labels.length > 0 ? fakeGradient(input, weights[vector]!) : null;
      };
      const said = worker.said.slice(from);
      assert.ok(
        said.every(
          ({ message }) =>
            "step" in message &&
            message.step === step &&
            message.version === step - 1 &&
            message.rank === 2 &&
            message.incarnation === 5,
        ),
      );
      const covered: number[] = [];
      for (const { message, values } of said) {
        if (message.type === "loss") {
          assert.equal(message.loss, gradient(message.shard, 0)![0]);
          assert.equal(message.hits, inputs.get(message.shard)!.labels.length);
        } else if (message.type === "bucket") {
          assert.deepEqual(
            values,
            sumOf(message, (shard) => gradient(shard, message.bucket)),
          );
        } else if (message.type === "finished") {
          for (let shard = message.start; shard < message.end; shard++) covered.push(shard);
          const { batchSize } = worker.recipe;
          const batch = batchOf(DATA.train.count, batchSize, stepInEpoch);
          assert.deepEqual(
            values,
            sumOf(message, (shard) => {
              const share = inputs.get(shard)!.labels.length / batch;
              return gradient(shard, weights.length - 1)!.map((value) => value * share);
            }),
          );
        } else assert.fail(`unexpected ${message.type}`);
      }
      assert.deepEqual(covered, present);
      assert.deepEqual(
        said.flatMap(({ message }) => (message.type === "loss" ? [message.shard] : [])),
        present,
      );
    }
    await stopped(worker);
  });
}

test("shards added to the same step are computed after those at work", async (context) => {
  const worker = startWorker(context);
  await accepted(worker);
  worker.sayWeights(0);
  assign(worker, 1, [0]);
  assign(worker, 1, [2, 3]);
  await settle();
  assert.deepEqual(
    worker.of("finished").map(({ start, end }) => [start, end]),
    [
      [0, 1],
      [2, 4],
    ],
  );
  await stopped(worker);
});

test("a later step drops what is left of an earlier one, and an earlier one is not begun", async (context) => {
  const worker = startWorker(context);
  let open = () => {};
  worker.computer.gate = () =>
    new Promise((resolve) => {
      open = resolve;
    });
  await accepted(worker);
  worker.sayWeights(0);
  worker.sayWeights(1);
  assign(worker, 1, [0, 1, 2, 3]);
  await settle();
  assert.equal(worker.computer.shards, 1);
  assign(worker, 2, [1]);
  await settle();
  worker.computer.gate = async () => {};
  open();
  await settle();
  assign(worker, 1, [3]);
  await settle();
  assert.equal(worker.computer.shards, 2);
  assert.deepEqual(
    worker.of("finished").map(({ step, start }) => [step, start]),
    [[2, 1]],
  );
  await stopped(worker);
});

test("an evaluation sees each image once, at the version asked for", async (context) => {
  const worker = startWorker(context);
  await accepted(worker);
  const weights = worker.sayWeights(6);
  worker.tell({ type: "evaluate", evaluation: 9, version: 6, start: 0, end: 6 });
  worker.tell({ type: "evaluate", evaluation: 9, version: 6, start: 6, end: 10 });
  await settle();
  const results = worker.of("evaluated");
  assert.deepEqual(
    results.map(({ start, end, hits, evaluation }) => [start, end, hits, evaluation]),
    [
      [0, 6, 6, 9],
      [6, 10, 4, 9],
    ],
  );
  for (const { start, end, loss } of results) {
    const indices = Array.from({ length: end - start }, (_, index) => start + index);
    const pixels = new Uint8Array(indices.length * 4);
    DATA.test.copyImages(indices, pixels);
    const labels = indices.map((index) => DATA.test.labels[index]!);
    assert.equal(loss, fakeGradient({ pixels, labels, scale: 1, seed: [0, 0] }, weights[0]!)[0]);
  }
  await stopped(worker);
});

test("the heart beats while a step computes, with the memory in use", async (context) => {
  const worker = startWorker(context, { heartbeatMs: 1 });
  let open = () => {};
  worker.computer.gate = () =>
    new Promise((resolve) => {
      open = resolve;
    });
  await accepted(worker);
  worker.sayWeights(0);
  assign(worker, 1, [0]);
  await settle();
  const before = worker.of("heartbeat").length;
  // Bounded, so that a heart that stands still fails here and now.
  for (let turn = 0; turn < 2000 && worker.of("heartbeat").length < before + 3; turn++)
    await new Promise((resolve) => setTimeout(resolve, 1));
  assert.ok(worker.of("heartbeat").length >= before + 3);
  const { tensors, tensorBytes, rssBytes } = worker.of("heartbeat").at(-1)!;
  assert.deepEqual([tensors, tensorBytes, rssBytes], [3, 4, 5]);
  assert.equal(worker.of("loss").length, 0);
  open();
  await stopped(worker);
});

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
    worker.tell({ type: "weights", version: 0, bucket: 0 }, new Float32Array(99));
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

test("told to stop while it prepares, it closes what it opened and does not join", async (context) => {
  let open = () => {};
  const worker = startWorker(context, {
    prepare: (setup) =>
      new Promise((resolve) => {
        open = () => resolve(setup);
      }),
  });
  worker.tell({ type: "recipe", run: "run", recipe: worker.recipe, pixelStatistics: null });
  await settle();
  await stopped(worker);
  open();
  await settle();
  assert.equal(worker.of("join").length, 0);
  assert.equal(worker.closed.times, 1);
});
