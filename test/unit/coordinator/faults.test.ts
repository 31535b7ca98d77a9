/** What peers and processes do wrong, and what becomes of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CnnDistError } from "../../../src/errors.js";
import type { WorkerEvent } from "../../../src/events.js";
import { PEERS } from "../../../src/limits.js";
import { decodeToWorker, encode } from "../../../src/protocol/codec.js";
import { PROTOCOL, type ToCoordinator } from "../../../src/protocol/messages.js";
import { settle } from "../../support/fake-clock.js";
import { bitsOf, fakeRun } from "../../support/fake-run.js";
import { DATASET, FINGERPRINT, TOPOLOGY } from "../../support/fake-worker.js";

const rejections = (run: ReturnType<typeof fakeRun>) =>
  run.events.flatMap((event) => (event.event === "rejected" ? [event.reason] : []));
const lost = (run: ReturnType<typeof fakeRun>): WorkerEvent[] =>
  run.events.flatMap((event) => (event.event === "worker" && event.state === "lost" ? [event] : []));
const HELLO: ToCoordinator = { type: "hello", protocol: PROTOCOL, token: null, pid: 1, host: "there", device: "cpu" };
/** A worker that joins and then only says what the test has it say. */
const silent = { beforeSend: ({ type }: ToCoordinator) => ["hello", "join", "bucket", "heartbeat"].includes(type) };

test("a user model's parameters that are no layout are refused, and the next worker brings them", async () => {
  const run = fakeRun({ values: "from the first worker" });
  const outcome = run.coordinator.run();
  const parameter = (name: string, shape: number[]) => ({ name, shape, role: "trainable" as const, decay: true });
  for (const [parameters, answer] of [
    [[parameter("twice", [2]), parameter("twice", [2])], "none"],
    [[parameter("huge", [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1])], "none"],
    [[parameter("long", [17])], "none"],
    [null, "none"],
    [[parameter("whole", [2, 2])], "accept"],
  ] as const) {
    const link = run.network.connect();
    const heard: string[] = [];
    link.onMessage((parts) => {
      const decoded = decodeToWorker(parts);
      if (decoded.ok && decoded.message.type !== "recipe") heard.push(decoded.message.type);
    });
    link.send({ header: encode(HELLO) });
    await settle();
    link.send({
      header: encode({
        type: "join",
        fingerprint: FINGERPRINT,
        datasetSha256: DATASET,
        topologySha256: TOPOLOGY,
        parameters: parameters === null ? null : [...parameters],
      }),
      payload: new Uint8Array(4 * 16), // four elements, and those behind a bucket
    });
    await settle();
    assert.equal(heard[0] ?? "none", answer);
  }
  assert.deepEqual(rejections(run), ["payload", "payload", "payload", "payload"]);
  run.coordinator.requestStop("test");
  assert.equal((await outcome).kind, "stopped");
});

test("a peer that keeps sending what is none is cut off, and the run goes on without it", async () => {
  const expected = fakeRun();
  expected.worker();
  const bits = bitsOf((await expected.coordinator.run()).snapshot);
  const run = fakeRun({ workers: 2 });
  run.worker();
  const broken = run.worker(silent);
  const outcome = run.coordinator.run();
  await settle();
  for (let count = 0; count < 25; count++) broken.link.send({ header: Uint8Array.of(0xc1) });
  assert.equal(bitsOf((await outcome).snapshot), bits);
  assert.equal(lost(run)[0]?.reason, "protocol");
  assert.match(lost(run)[0]!.detail!, /"malformed"/);
  assert.equal(lost(run)[0]!.reassigned, 2);
});

test("a worker's word counts only under its own name", async () => {
  const run = fakeRun({ workers: 1 });
  const one = run.worker(silent);
  const outcome = run.coordinator.run();
  await settle();
  const loss = {
    type: "loss",
    run: "run",
    rank: 0,
    incarnation: 0,
    step: 1,
    version: 0,
    shard: 0,
    loss: 1,
    hits: 0,
  } as const;
  const before = rejections(run).length;
  for (const wrong of [{ run: "other" }, { rank: 1 }, { incarnation: 1 }])
    one.link.send({ header: encode({ ...loss, ...wrong }) });
  one.link.send({ header: encode({ ...loss, step: 2 }) });
  await settle();
  assert.deepEqual(rejections(run).slice(before), ["sender", "sender", "sender", "stale"]);
  run.coordinator.requestStop("test");
  await outcome;
});

test("a woken zombie that floods is told to leave, and after a while is not even heard", async () => {
  const run = fakeRun({ workers: 1 });
  const stranger = run.network.connect();
  const told: number[] = [];
  stranger.onMessage(() => told.push(1));
  const outcome = run.coordinator.run();
  for (let count = 0; count < 50; count++)
    stranger.send({
      header: encode({ type: "heartbeat", phase: "computing", tensors: 0, tensorBytes: 0, rssBytes: 0 }),
    });
  await settle();
  assert.equal(rejections(run).length, 20);
  assert.equal(told.length, 20);
  run.coordinator.requestStop("test");
  await outcome;
});

test("a member that floods with what is right and nobody asked for is cut off, and its work goes to the others", async () => {
  const expected = fakeRun();
  expected.worker();
  const bits = bitsOf((await expected.coordinator.run()).snapshot);
  const run = fakeRun({ workers: 2 });
  run.worker();
  const flooding = run.worker(silent);
  const outcome = run.coordinator.run();
  await settle();
  const beat = encode({ type: "heartbeat", phase: "waiting", tensors: 0, tensorBytes: 0, rssBytes: 0 });
  for (let count = 0; count < 2 * PEERS.unaskedAtOnce; count++) flooding.link.send({ header: beat });
  assert.equal(bitsOf((await outcome).snapshot), bits);
  assert.equal(rejections(run).filter((reason) => reason === "flood").length, 1);
  assert.equal(lost(run)[0]?.reason, "protocol");
  assert.match(lost(run)[0]!.detail!, /more than a member may/);
  assert.ok(run.events.filter(({ event }) => event === "heartbeat").length < PEERS.unaskedAtOnce);
});

test("what a worker says twice is counted and not heard again", async () => {
  const run = fakeRun({ workers: 1 });
  const one = run.worker({ beforeSend: ({ type }) => type !== "finished" });
  const outcome = run.coordinator.run();
  await settle();
  const loss = { type: "loss", run: "run", rank: 0, incarnation: 0, step: 1, version: 0, shard: 0, loss: 1, hits: 0 };
  const before = rejections(run).length;
  for (let count = 0; count < 3; count++) one.link.send({ header: encode(loss as ToCoordinator) });
  await settle();
  assert.deepEqual(rejections(run).slice(before), ["duplicate", "duplicate", "duplicate"]);
  run.coordinator.requestStop("test");
  await outcome;
});

test("one that is no member yet says no more than hello", async () => {
  const run = fakeRun({ workers: 1 });
  const stranger = run.network.connect();
  const outcome = run.coordinator.run();
  stranger.send({ header: encode({ type: "failed", code: "worker", message: "x".repeat(5000) }) });
  await settle();
  assert.deepEqual(rejections(run), ["size"]);
  run.coordinator.requestStop("test");
  await outcome;
});

test("a worker that was started and never says hello is ended after a minute", async () => {
  const run = fakeRun({ workers: 1 });
  const outcome = run.coordinator.run();
  run.coordinator.expectWorker({ token: "t", rank: 0, incarnation: 0 });
  await run.clock.advance(59_000);
  assert.deepEqual(run.ended, []);
  await run.clock.advance(2_000);
  assert.deepEqual(run.ended, [{ rank: 0, incarnation: 0 }]);
  await run.clock.advance(61_000);
  assert.equal(run.ended.length, 1);
  // Its next incarnation, to which the coordinator's own sleep is no lateness.
  run.coordinator.expectWorker({ token: "u", rank: 0, incarnation: 1 });
  await run.clock.advance(30_000);
  await run.clock.advance(3_600_000, { jump: true });
  await run.clock.advance(30_000);
  assert.equal(run.ended.length, 1);
  run.worker({ token: "u" });
  assert.equal((await outcome).kind, "done");
});

test("a run that starts its own workers takes no stranger", async () => {
  const run = fakeRun({ workers: 1 });
  run.coordinator.expectWorker({ token: "t", rank: 0, incarnation: 0 });
  const outcome = run.coordinator.run();
  const stranger = run.worker();
  await settle();
  assert.deepEqual(stranger.received, ["refuse"]);
  assert.deepEqual(rejections(run), ["sender"]);
  run.worker({ token: "t" });
  assert.equal((await outcome).kind, "done");
});

test("thousands of greetings make no more members than can have work or stand by; the others hear why", async () => {
  const run = fakeRun({ workers: 1 });
  const outcome = run.coordinator.run();
  const heard: string[] = [];
  for (let greeting = 0; greeting < 3600; greeting++) {
    const link = run.network.connect();
    link.onMessage((parts) => {
      const decoded = decodeToWorker(parts);
      if (decoded.ok && decoded.message.type === "refuse") heard.push(decoded.message.message);
    });
    link.send({ header: encode(HELLO) });
  }
  await settle();
  const joining = run.events.filter((event) => event.event === "worker" && event.state === "joining");
  assert.equal(joining.length, 12);
  assert.equal(heard.length, 3600 - 12);
  assert.match(heard[0]!, /^this run has work for 4 workers, and 8 more stand by; it takes no others/);
  run.coordinator.requestStop("test");
  await outcome;
});

test("another protocol is refused in words before anything else", async () => {
  const run = fakeRun();
  const outcome = run.coordinator.run();
  const link = run.network.connect();
  const heard: Uint8Array[] = [];
  link.onMessage(([header]) => heard.push(header!));
  link.send({ header: encode({ ...HELLO, protocol: PROTOCOL + 1 }) });
  await settle();
  assert.match(
    Buffer.from(heard[0]!).toString(),
    new RegExp(`speaks protocol ${PROTOCOL}, the worker ${PROTOCOL + 1}`),
  );
  run.worker();
  assert.equal((await outcome).kind, "done");
});

test("nothing is said of a worker that is still being ended when the run is over", async () => {
  let release = () => {};
  const run = fakeRun({
    workers: 1,
    endWorker: () =>
      new Promise((resolve) => {
        release = resolve;
      }),
  });
  const one = run.worker(silent);
  const outcome = run.coordinator.run();
  await settle();
  run.coordinator.workerExited({ rank: one.rank, incarnation: one.incarnation, detail: "killed" });
  run.coordinator.requestStop("test");
  await outcome;
  const said = run.events.length;
  release();
  await settle();
  assert.equal(run.events.length, said);
});

test("a worker that cannot be ended for certain ends the run: its shards must not be computed twice over", async () => {
  const run = fakeRun({ workers: 2, endWorker: async () => Promise.reject(new Error("no such permission")) });
  run.worker();
  const one = run.worker(silent);
  const outcome = run.coordinator.run();
  await settle();
  run.coordinator.workerExited({ rank: one.rank, incarnation: one.incarnation, detail: "killed" });
  await assert.rejects(outcome, { code: "unexpected", message: /no such permission/ });
});

test("of the last worker's end, what it said itself is told before how its process went", async () => {
  const run = fakeRun({ workers: 1 });
  run.coordinator.expectWorker({ token: "t", rank: 0, incarnation: 0 });
  const one = run.worker({ token: "t" });
  const failed = assert.rejects(run.coordinator.run(), /the last to go was rank 0: out of memory in Conv2D/);
  run.possible.workers = 0;
  one.link.send({ header: encode({ type: "failed", code: "memory", message: "out of memory in Conv2D" }) });
  await settle();
  run.coordinator.workerExited({ rank: 0, incarnation: 0, detail: "its process ended with exit code 1" });
  await failed;
});

test("a gradient that is not finite stops the run before the commit, with shard, rank and parameter", async () => {
  const run = fakeRun({ workers: 2 });
  run.worker();
  run.worker({
    gradient: (step, range, bucket, values) =>
      step === 2 && range.end === 4 && bucket === 1 ? values.fill(Number.NaN) : values,
  });
  await assert.rejects(run.coordinator.run(), {
    code: "not-finite",
    message: /step 2: the gradient of b is not finite \(NaN\), from shards 2 to 3, rank 1; the step was not applied/,
  });
  assert.equal(run.events.filter(({ event }) => event === "step").length, 1);
});

test("a checkpoint that cannot be written is warned of, the training goes on, and so many in a row end it", async () => {
  const full = (step: number) => new CnnDistError("disk-full", `step ${step}: no space is left. Free some.`);
  const failing = (steps: readonly number[], checkpointFailures: number) => {
    const run = fakeRun({
      placement: { checkpointEverySteps: 1, checkpointFailures },
      save: async ({ step }) => {
        if (steps.includes(step)) throw full(step);
      },
    });
    run.worker();
    return run;
  };
  const told = ({ events }: ReturnType<typeof fakeRun>) =>
    events.flatMap((event) =>
      event.event === "checkpoint" ? [event.step] : event.event === "checkpoint-failed" ? [-event.step] : [],
    );
  const whole = fakeRun();
  whole.worker();
  const expected = bitsOf((await whole.coordinator.run()).snapshot);

  const goesOn = failing([2, 3, 5], 3);
  assert.equal(bitsOf((await goesOn.coordinator.run()).snapshot), expected);
  assert.deepEqual(told(goesOn), [1, -2, -3, 4, -5, 6]);
  const failures = goesOn.events.flatMap((event) => (event.event === "checkpoint-failed" ? [event] : []));
  assert.deepEqual(
    failures.map(({ code, failures, allowed }) => [code, failures, allowed]),
    [
      ["disk-full", 1, 3],
      ["disk-full", 2, 3],
      ["disk-full", 1, 3],
    ],
  );
  assert.match(failures[1]!.message, /Free some\. It is failure 2 in a row\. .*1 more failure in a row ends it/);

  const ends = failing([2, 3, 4, 5], 3);
  await assert.rejects(ends.coordinator.run(), {
    code: "disk-full",
    message: /^step 4: .*As many as --checkpoint-failures 3 allows: the run ends, and nothing after step 1 is saved/,
  });
  assert.deepEqual(told(ends), [1, -2, -3]);

  // What a run leaves at its end must be there, however many may fail before.
  const last = failing([6], 3);
  const end = assert.rejects(last.coordinator.run(), {
    code: "disk-full",
    message: /^step 6: .*The run ends here: nothing after step 5 is saved/,
  });
  while (told(last).at(-1) !== -6) await settle();
  last.coordinator.requestStop("a signal"); // it is tried again for a while, but for this
  await end;
  assert.deepEqual(told(last), [1, 2, 3, 4, 5, -6]);
});

test("what is no matter of the disk ends the run at once", async () => {
  const run = fakeRun({
    placement: { checkpointEverySteps: 1 },
    save: async ({ step }) => {
      if (step === 2) throw new CnnDistError("lock-lost", "the folder is another run's");
    },
  });
  run.worker();
  await assert.rejects(run.coordinator.run(), { code: "lock-lost" });
});

test("steps go on while a checkpoint is written, but never over what it still reads", async () => {
  let release = () => {};
  const committed: number[] = [];
  const seen: { step: number; before: string; after: string }[] = [];
  const run = fakeRun({
    placement: { checkpointEverySteps: 2 },
    save: async (snapshot) => {
      const before = bitsOf(snapshot);
      if (snapshot.step === 2)
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      seen.push({ step: snapshot.step, before, after: bitsOf(snapshot) });
    },
    committed: ({ step }) => void committed.push(step),
  });
  run.worker();
  const outcome = run.coordinator.run();
  await settle();
  await settle();
  // Step 3 goes to the other half; the fourth would overwrite what is being saved, so it waits (step 3 ends an epoch, whose save waits too).
  assert.equal(committed.at(-1), 3);
  release();
  assert.equal((await outcome).kind, "done");
  assert.deepEqual(
    seen.map(({ step }) => step),
    [2, 3, 4, 6],
  );
  for (const { before, after } of seen) assert.equal(before, after);
});
