/** What a worker computes of the work that it is given. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { batchOf, EpochOrder } from "../../../src/data/order.js";
import { childrenOf, type Range } from "../../../src/parameters/tree.js";
import { deriveKey } from "../../../src/random.js";
import { settle } from "../../support/fake-clock.js";
import { DATA, fakeGradient, startWorker } from "../../support/fake-setup.js";
import { accepted, assign, type Started, stopped } from "../../support/started-worker.js";

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
            "version" in message &&
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
  worker.tell({ type: "evaluate", evaluation: 9, kind: "raw", version: 6, start: 0, end: 6 });
  worker.tell({ type: "evaluate", evaluation: 9, kind: "raw", version: 6, start: 6, end: 10 });
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

test("where the run goes back, what is left of the step that was given up is not computed, whoever has its shards", async (context) => {
  const worker = startWorker(context, { recipe: { compress: "bf16" } });
  await accepted(worker);
  const give = (shard: number) =>
    worker.layout.buckets.forEach(({ index }) => {
      worker.tell({ type: "residual", shard, version: 0, bucket: index });
    });
  worker.sayWeights(0);
  [0, 1].forEach(give);
  let go = () => {};
  worker.computer.gate = () =>
    new Promise<void>((resolve) => {
      go = resolve;
    });
  assign(worker, 1, [0, 1]);
  await settle();
  worker.tell({ type: "rollback", version: 0 });
  worker.sayWeights(0);
  give(3);
  assign(worker, 1, [3]);
  await settle();
  worker.computer.gate = async () => {};
  go();
  await settle();
  assert.deepEqual(
    worker.of("loss").map(({ shard }) => shard),
    [0, 3],
  );
  assert.deepEqual(worker.of("failed"), []);
  await stopped(worker);
});
