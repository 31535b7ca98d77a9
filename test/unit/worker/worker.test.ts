/** How a worker joins, and that its heart beats. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { settle } from "../../support/fake-clock.js";
import { DATA, startWorker } from "../../support/fake-setup.js";
import { accepted, assign, stopped } from "../../support/started-worker.js";

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
