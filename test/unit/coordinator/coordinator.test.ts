import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { asFloat32 } from "../../../src/protocol/codec.js";
import { settle } from "../../support/fake-clock.js";
import { bitsOf, fakeRun } from "../../support/fake-run.js";
import { FINGERPRINT } from "../../support/fake-worker.js";

async function reference(recipe = {}): Promise<string> {
  const run = fakeRun({ recipe });
  run.worker();
  return bitsOf((await run.coordinator.run()).snapshot);
}

for (const recipe of [{}, { clipGradNorm: 0.5 }, { shards: 5, optimizer: "momentum" as const }]) {
  test(`one, two, three and six workers end in the same bits: ${JSON.stringify(recipe)}`, async () => {
    const expected = await reference(recipe);
    for (const workers of [2, 3, 6]) {
      const run = fakeRun({ recipe, workers });
      for (let each = 0; each < workers; each++) run.worker();
      const outcome = await run.coordinator.run();
      assert.equal(outcome.kind, "done");
      assert.equal(bitsOf(outcome.snapshot), expected, `${workers} workers`);
      assert.equal(outcome.snapshot.step, 6);
      assert.equal(run.events.filter(({ event }) => event === "step").length, 6);
      assert.equal(run.events.filter(({ event }) => event === "eval").length, 2);
    }
  });
}

test("a worker that dies before any of its messages costs nothing but its work", async () => {
  const expected = await reference();
  for (let fatal = 0; fatal < 24; fatal++) {
    const run = fakeRun({ workers: 2 });
    run.worker();
    let sent = 0;
    const dying = run.worker({ beforeSend: ({ type }) => type === "hello" || type === "join" || sent++ !== fatal });
    const outcome = run.coordinator.run();
    await settle();
    run.coordinator.workerExited({ rank: dying.rank, incarnation: dying.incarnation, detail: "killed" });
    assert.equal(bitsOf((await outcome).snapshot), expected, `before message ${fatal}`);
    const lost = run.events.find((event) => event.event === "worker" && event.state === "lost");
    assert.ok(lost && "reason" in lost && lost.reason === "exit");
  }
});

test("a frozen worker is noticed by its silence; woken, it is told to leave and changes nothing", async () => {
  const expected = await reference();
  const run = fakeRun({ workers: 2 });
  const living = run.worker();
  const zombie = run.worker({
    beforeSend: ({ type }) => type === "hello" || type === "join" || zombie.link.silence() === undefined,
  });
  const outcome = run.coordinator.run();
  await settle();
  const beat = setInterval(
    () => living.say({ type: "heartbeat", phase: "computing", tensors: 1, tensorBytes: 1, rssBytes: 1 }),
    1,
  );
  await run.clock.advance(11_000);
  clearInterval(beat);
  zombie.link.wake();
  assert.equal(bitsOf((await outcome).snapshot), expected);
  await settle();
  assert.ok(zombie.received.includes("evict"));
  const lost = run.events.find((event) => event.event === "worker" && event.state === "lost");
  assert.ok(lost?.event === "worker" && lost.reason === "silence" && lost.rank === 1 && lost.detection_seconds! > 10);
});

test("the coordinator's own suspension is nobody's silence", async () => {
  const run = fakeRun({ workers: 1 });
  run.worker({ beforeSend: ({ type }) => type === "hello" || type === "join" });
  const outcome = run.coordinator.run();
  await settle();
  await run.clock.advance(60_000, { jump: true });
  assert.ok(!run.events.some((event) => event.event === "worker" && event.state === "lost"));
  run.coordinator.requestStop("test");
  assert.equal((await outcome).kind, "stopped");
});

test("a moment in which the coordinator itself was held up is added to nobody's silence", async () => {
  const run = fakeRun({ workers: 1, placement: { heartbeatTimeout: 3 } });
  run.worker({ beforeSend: ({ type }) => type === "hello" || type === "join" });
  const outcome = run.coordinator.run();
  await settle();
  await run.clock.advance(1_000);
  await run.clock.advance(2_400, { jump: true });
  assert.ok(!run.events.some((event) => event.event === "worker" && event.state === "lost"));
  await run.clock.advance(2_600);
  assert.ok(run.events.some((event) => event.event === "worker" && event.state === "lost"));
  run.coordinator.requestStop("test");
  await outcome;
});

test("a worker that is alive but gives no gradient is ended after the step timeout", async () => {
  const run = fakeRun({ workers: 2, placement: { stepTimeout: 5 } });
  run.worker();
  const stuck = run.worker({ beforeSend: ({ type }) => type !== "loss" });
  const outcome = run.coordinator.run();
  await settle();
  stuck.dead = false;
  const beat = setInterval(() => {
    stuck.say({ type: "heartbeat", phase: "computing", tensors: 1, tensorBytes: 1, rssBytes: 1 });
  }, 1);
  await run.clock.advance(6_000);
  clearInterval(beat);
  assert.equal((await outcome).kind, "done");
  assert.ok(
    run.events.some((event) => event.event === "worker" && event.state === "lost" && event.reason === "step-timeout"),
  );
});

test("with nobody left and nobody to come, the run fails with the cause and the log's last lines", async () => {
  const run = fakeRun();
  const only = run.worker({ beforeSend: ({ type }) => type === "hello" || type === "join" });
  const outcome = run.coordinator.run();
  await settle();
  run.possible.workers = 0;
  run.coordinator.workerExited({ rank: only.rank, incarnation: only.incarnation, detail: "ended by SIGSEGV" });
  await assert.rejects(outcome, /no worker is left.*SIGSEGV.*last words/s);
});

test("below --min-workers training waits, goes on when they are there, and after --wait-workers fails, saved", async () => {
  const expected = await reference();
  const run = fakeRun({ workers: 3, placement: { minWorkers: 2, waitWorkers: 30, heartbeatTimeout: 100 } });
  run.possible.workers = 3;
  run.worker();
  run.worker();
  const outcome = run.coordinator.run();
  const steps = () => run.events.filter(({ event }) => event === "step").length;
  await run.clock.advance(29_000);
  assert.equal(steps(), 0, "it waits for all of them at the start");
  await run.clock.advance(2_000);
  assert.equal(bitsOf((await outcome).snapshot), expected);

  const other = fakeRun({ workers: 2, placement: { minWorkers: 2, waitWorkers: 30, heartbeatTimeout: 100 } });
  other.possible.workers = 3;
  other.worker();
  const dying = other.worker({ beforeSend: (message) => message.type !== "loss" || message.step < 2 });
  const failing = other.coordinator.run();
  await settle();
  other.coordinator.workerExited({ rank: dying.rank, incarnation: dying.incarnation, detail: "killed" });
  const failed = assert.rejects(failing, {
    code: "too-few-workers",
    message: /1 worker of the 2 .* after 30 s.*the last to go was rank 1: killed \(cpu, step 2/,
  });
  await other.clock.advance(29_000);
  assert.equal(other.saved.length, 0);
  await other.clock.advance(2_000);
  await failed;
  assert.equal(other.saved.at(-1)?.step, 2, "the step in flight was finished by the other");
});

test("a failure that every worker would meet ends the run at once, but not on a stranger's word", async () => {
  const failure = { type: "failed", code: "model-layer", message: "layer noise is refused" } as const;
  const run = fakeRun({ workers: 2 });
  run.coordinator.expectWorker({ token: "t", rank: 0, incarnation: 0 });
  const local = run.worker({ token: "t" });
  const outcome = run.coordinator.run();
  await settle();
  local.say(failure);
  await assert.rejects(outcome, { code: "model-layer", exitCode: 2, message: "layer noise is refused" });

  const other = fakeRun({ workers: 2 });
  const stranger = other.worker();
  const goesOn = other.coordinator.run();
  await settle();
  stranger.say(failure);
  await settle();
  other.worker();
  other.worker();
  assert.equal((await goesOn).kind, "done");
});

test("a run that loses everybody goes on with whoever comes", async () => {
  const expected = await reference();
  const run = fakeRun();
  const first = run.worker({ beforeSend: (message) => message.type !== "bucket" || message.bucket < 1 });
  const outcome = run.coordinator.run();
  await settle();
  run.coordinator.workerExited({ rank: first.rank, incarnation: first.incarnation, detail: "killed" });
  await settle();
  run.worker();
  assert.equal(bitsOf((await outcome).snapshot), expected);
});

test("a machine that would compute other bits is refused with the difference", async () => {
  const run = fakeRun({ workers: 1 });
  run.worker();
  const other = run.worker({ fingerprint: { ...FINGERPRINT, instructions: "avx512f", threads: 2 } });
  await run.coordinator.run();
  assert.ok(other.received.includes("refuse"));
  const refused = run.events.find((event) => event.event === "worker" && event.state === "refused");
  assert.ok(
    refused?.event === "worker" &&
      /instructions: i here, avx512f there; threads: 1 here, 2 there/.test(refused.detail!),
  );
});

test("a loss that is not finite stops the run before the commit, naming step, shard and rank", async () => {
  const run = fakeRun();
  run.worker({ loss: (step, shard, loss) => (step === 3 && shard === 2 ? Number.NaN : loss) });
  await assert.rejects(run.coordinator.run(), /step 3, shard 2, rank 0: the loss is NaN/);
  assert.equal(run.events.filter(({ event }) => event === "step").length, 2);
});

test("a stop drops the step in flight, saves what is committed, and a resumed run ends in the same bits", async () => {
  const expected = await reference();
  for (const phase of ["start", "loss", "bucket", "finished", "evaluated"]) {
    for (const nth of [1, 3]) {
      const run = fakeRun();
      let seen = 0;
      run.worker({
        beforeSend: ({ type }) => {
          if (type === phase && ++seen === nth) run.coordinator.requestStop("test");
          return true;
        },
      });
      if (phase === "start") run.coordinator.requestStop("test");
      const outcome = await run.coordinator.run();
      assert.equal(outcome.kind, "stopped", phase);
      assert.equal(run.saved.at(-1)?.step ?? 0, outcome.snapshot.step, phase);
      const resumed = fakeRun({ start: structuredClone(outcome.snapshot), workers: 2 });
      resumed.worker();
      resumed.worker();
      assert.equal(bitsOf((await resumed.coordinator.run()).snapshot), expected, `${phase} ${nth}`);
    }
  }
});

test("plateau's cuts survive a stop, whatever the rhythm of evaluations that the placement asks for", async () => {
  const recipe = { lrScheduler: "plateau", lrPatience: 0, lrGamma: 0.5, epochs: 5, lr: 0.7 } as const;
  const expected = await reference(recipe);
  const run = fakeRun({ recipe, placement: { evaluateEveryEpochs: 0 } });
  run.worker({
    beforeSend: (message) => {
      if (message.type === "loss" && message.step === 8) run.coordinator.requestStop("test");
      return true;
    },
  });
  const stopped = await run.coordinator.run();
  const resumed = fakeRun({ recipe, start: structuredClone(stopped.snapshot) });
  resumed.worker();
  const outcome = await resumed.coordinator.run();
  assert.equal(bitsOf(outcome.snapshot), expected);
  assert.notEqual(outcome.snapshot.schedule.factor, 1);
});

test("nothing that a stranger or a broken worker sends stops the coordinator", async () => {
  const expected = await reference();
  const run = fakeRun();
  run.worker();
  const stranger = run.network.connect();
  const outcome = run.coordinator.run();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), async (bytes) => {
      stranger.send({ header: bytes, payload: bytes });
    }),
  );
  assert.equal(bitsOf((await outcome).snapshot), expected);
  assert.ok(run.events.some(({ event }) => event === "rejected"));
});

test("whatever dies and comes when, the bits are the same and the run ends", async () => {
  const expected = await reference();
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ after: fc.nat(40), comes: fc.boolean() }), { minLength: 1, maxLength: 4 }),
      async (fates) => {
        const run = fakeRun({ workers: 1 });
        const workers = fates.map(({ after }) => {
          let left = after;
          const worker = run.worker({
            beforeSend: ({ type }) => {
              if (type === "hello" || type === "join" || left-- > 0) return true;
              setImmediate(() =>
                run.coordinator.workerExited({ rank: worker.rank, incarnation: worker.incarnation, detail: "killed" }),
              );
              return false;
            },
          });
          return worker;
        });
        assert.equal(workers.length, fates.length);
        const outcome = run.coordinator.run();
        for (const { comes } of fates) {
          await settle();
          if (comes) run.worker();
        }
        run.worker();
        assert.equal(bitsOf((await outcome).snapshot), expected);
      },
    ),
    { numRuns: 60 },
  );
});

test("a payload is copied only where its place in memory is not a float's", () => {
  const bytes = new Uint8Array(20);
  assert.equal(asFloat32(bytes.subarray(4, 12), 2)!.buffer, bytes.buffer);
  assert.notEqual(asFloat32(bytes.subarray(1, 9), 2)!.buffer, bytes.buffer);
  assert.equal(asFloat32(bytes.subarray(0, 9), 2), null);
});

test("a run that goes on begins after a while with the workers that are there", async () => {
  const run = fakeRun({ workers: 2, gatherMs: 10_000 });
  const outcome = run.coordinator.run();
  run.worker();
  await run.clock.advance(9_900);
  assert.equal(run.events.filter(({ event }) => event === "step").length, 0);
  await run.clock.advance(200);
  assert.equal((await outcome).kind, "done");

  const late = fakeRun({ workers: 2, gatherMs: 10_000 });
  const second = late.coordinator.run();
  await late.clock.advance(11_000);
  late.worker();
  assert.equal((await second).kind, "done");
});
