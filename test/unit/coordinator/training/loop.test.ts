/** The algorithm by itself: no socket, no process, no message; whoever computes is one function. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Snapshot } from "../../../../src/checkpoint/snapshot.js";
import type { WrittenRecipe } from "../../../../src/config/recipe.js";
import { train } from "../../../../src/coordinator/training/loop.js";
import type { TrainingOptions } from "../../../../src/coordinator/training/ports.js";
import { globalBatch } from "../../../../src/data/order.js";
import { CnnDistError } from "../../../../src/errors.js";
import type { RunEvent } from "../../../../src/events.js";
import { ResidualsLost, StopRequested } from "../../../../src/membership/workers.js";
import { NEW_SCHEDULE } from "../../../../src/optim/schedule.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { bitsOf } from "../../../support/fake-run.js";
import { testLayout } from "../../../support/fake-worker.js";
import { FakeWorkers, type FakeWorkersOptions } from "../../../support/fake-workers.js";
import { testRecipe } from "../../../support/recipe.js";
import { testSnapshot } from "../../../support/snapshot.js";
import { trainingMemory } from "../../../support/training-memory.js";

const FIRST = { step: 0, epoch: 0, stepInEpoch: 0, best: null, loss: null, schedule: NEW_SCHEDULE, slots: {} };

function begin(
  given: FakeWorkersOptions & {
    recipe?: Partial<WrittenRecipe>;
    start?: Snapshot;
    options?: Partial<TrainingOptions>;
    placement?: Partial<TrainingOptions["placement"]>;
    save?: (snapshot: Snapshot, read: () => void) => Promise<void>;
    assertHeld?: () => void;
    clock?: FakeClock;
  } = {},
) {
  const start = given.start ?? testSnapshot({ ...FIRST, recipe: testRecipe(given.recipe) }, testLayout());
  const workers = new FakeWorkers(given);
  const events: RunEvent[] = [];
  const saved: number[] = [];
  const committed: number[] = [];
  let newest: Snapshot | null = null;
  const placement = {
    checkpointEverySteps: 0,
    checkpointEverySeconds: 0,
    checkpointFailures: 3,
    evaluateEveryEpochs: 1,
    ...given.placement,
  };
  // Two full batches of 8 and one of 3: fewer images than shards.
  const { recipe, layout } = start;
  const { shards } = globalBatch(recipe);
  const { ema } = recipe;
  const memory = trainingMemory(layout, { shards, optimizer: { ...recipe, name: recipe.optimizer }, ema });
  const options = { train: 19, test: 10, stopAfterStep: null, isTraced: () => false, ...given.options, placement };
  const ports = {
    clock: given.clock ?? new FakeClock(),
    stopping: new AbortController().signal,
    emit: (event: RunEvent) => void events.push(event),
    assertHeld: () => given.assertHeld?.(),
    committed: ({ step }: Snapshot) => void committed.push(step),
    newest: async () => newest,
    async save(snapshot: Snapshot, read: () => void) {
      await given.save?.(snapshot, read);
      saved.push(snapshot.step);
      newest = structuredClone(snapshot);
      return { path: `step-${snapshot.step}`, sizeBytes: 1 };
    },
  };
  const outcome = train(start, options, workers, ports, memory);
  const of = <E extends RunEvent["event"]>(event: E) =>
    events.filter((each): each is Extract<RunEvent, { event: E }> => each.event === event);
  return { outcome, workers, saved, committed, of };
}

test("whoever holds which shards, and hands them over in what order, the bits are the same", async () => {
  for (const recipe of [{}, { clipGradNorm: 0.5, optimizer: "momentum" }, { shards: 7 }] as const) {
    const expected = bitsOf((await begin({ recipe }).outcome).snapshot);
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat(3)), async (owners) => {
        const blocks = (shards: readonly number[]) => {
          const held: number[][] = [[], [], [], []];
          for (const shard of shards) held[owners.next().value]!.push(shard);
          return held.filter((block) => block.length > 0);
        };
        assert.equal(bitsOf((await begin({ recipe, blocks }).outcome).snapshot), expected);
      }),
      { numRuns: 40 },
    );
  }
});

test("accumulated batches are one large batch: steps, rates, samples and bits", async () => {
  const schedule = { lrScheduler: "cosine", lrWarmupEpochs: 0.5, epochs: 3 } as const;
  const told = async (recipe: Partial<WrittenRecipe>) => {
    const run = begin({ recipe: { ...schedule, ...recipe } });
    const { snapshot } = await run.outcome;
    return [
      bitsOf(snapshot),
      run.of("step").map(({ step, epoch, lr, samples, loss }) => [step, epoch, lr, samples, loss]),
    ];
  };
  const expected = await told({ batchSize: 8, shards: 4 });
  assert.deepEqual(await told({ batchSize: 4, shards: 2, accumulate: 2 }), expected);
  assert.deepEqual(await told({ batchSize: 2, shards: 1, accumulate: 4 }), expected);
});

test("each step is committed once, evaluated at the end of its epoch, saved, and told", async () => {
  const run = begin();
  const outcome = await run.outcome;
  assert.equal(outcome.kind, "done");
  assert.equal(outcome.checkpoint, "step-6");
  assert.deepEqual(run.committed, [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(run.saved, [3, 6]);
  assert.deepEqual(
    run.of("eval").map(({ step, epoch, samples }) => [step, epoch, samples]),
    [
      [3, 0, 10],
      [6, 1, 10],
    ],
  );
  const [step] = run.of("step");
  assert.deepEqual(
    [step!.samples, step!.accuracy, step!.exchange_bytes, step!.worker_seconds],
    [8, 0.5, { in: 3, out: 4, shared: 5 }, { 0: 0.25 }],
  );
});

test("steps that are to be traced are told with their timelines, and their workers know", async () => {
  const traced: boolean[] = [];
  const run = begin({
    options: { isTraced: (step: number) => step >= 2 && step <= 4 },
    before: (work) => {
      if (work.kind === "step") traced.push(work.plan.traced);
    },
  });
  await run.outcome;
  assert.deepEqual(traced, [false, true, true, true, false, false]);
  assert.deepEqual(
    run.of("timeline").map(({ step }) => step),
    [2, 3, 4],
  );
});

test("the tail reaches from one step to the next, never over an evaluation", async () => {
  const run = begin();
  await run.outcome;
  assert.deepEqual(
    run.of("step").map(({ tail_seconds }) => tail_seconds === null),
    [true, false, false, true, false, false],
  );
});

test("residuals that are lost take the training back to the newest checkpoint, or to its start, and to the same bits", async () => {
  const expected = bitsOf((await begin().outcome).snapshot);
  for (const [lostAt, rollback] of [
    [2, [1, 0]],
    [6, [5, 3]],
  ] as const) {
    let lost = false;
    const run = begin({
      before(work) {
        if (lost || work.kind !== "step" || work.plan.step !== lostAt) return;
        lost = true;
        throw new ResidualsLost("rank 1 was lost");
      },
    });
    const { kind, snapshot } = await run.outcome;
    assert.equal(kind, "done");
    assert.equal(bitsOf(snapshot), expected);
    assert.deepEqual(
      run.of("rollback").map(({ from_step, step, reason }) => [from_step, step, reason]),
      [[...rollback, "rank 1 was lost"]],
    );
    assert.equal(run.committed.length, 6 + rollback[0] - rollback[1]);
  }
});

test("every bucket of the next version is published while its step runs, and the state", async () => {
  const run = begin({ recipe: { epochs: null, steps: 2 } });
  await run.outcome;
  for (const version of [1, 2])
    assert.deepEqual(
      run.workers.published.filter((each) => each.version === version).map(({ bucket }) => bucket),
      [0, 1, 2, -1],
    );
});

test("a stop in any piece of work leaves what is committed, saved, and a resumed run ends in the same bits", async () => {
  const expected = bitsOf((await begin().outcome).snapshot);
  for (let nth = 1; nth <= 8; nth++) {
    let left = nth;
    const run = begin({
      before: () => {
        if (--left === 0) throw new StopRequested("test");
      },
    });
    const { kind, snapshot } = await run.outcome;
    assert.equal(kind, "stopped");
    assert.equal(run.saved.at(-1) ?? 0, snapshot.step);
    const resumed = begin({ start: structuredClone(snapshot) });
    assert.equal(bitsOf((await resumed.outcome).snapshot), expected, `stopped in piece ${nth}`);
  }
});

test("a run told to stop after a step ends there, saved", async () => {
  const run = begin({ options: { stopAfterStep: 2 } });
  const { kind, snapshot, checkpoint } = await run.outcome;
  assert.deepEqual([kind, snapshot.step, checkpoint], ["stopped", 2, "step-2"]);
});

test("a loss that is not finite ends the run before the commit", async () => {
  const run = begin({ loss: (step, shard) => (step === 2 && shard === 1 ? Number.NaN : 0.1) });
  await assert.rejects(run.outcome, { code: "not-finite", message: /step 2, shard 1, rank 0: the loss is NaN/ });
  assert.deepEqual(run.committed, [1]);
});

test("an evaluation whose loss is not finite ends the run, and its weights are not saved as any", async () => {
  for (const score of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const run = begin({ score: () => score });
    await assert.rejects(run.outcome, { code: "not-finite", message: /after step 3 the loss on the test set is/ });
    assert.deepEqual(run.of("eval"), []);
    assert.deepEqual(run.saved, []);
  }
});

test("a failure is told, not that of the save which it left behind", async () => {
  const run = begin({
    before: (work) => {
      if (work.kind === "step" && work.plan.step === 4) throw new Error("nobody is left");
    },
    save: async () => Promise.reject(new Error("no space left")),
  });
  await assert.rejects(run.outcome, /nobody is left/);
});

test("an empty test set is no evaluation: nothing hangs, and no mean of nothing is told", async () => {
  for (const recipe of [{}, { lrScheduler: "plateau" }] as const) {
    const run = begin({ recipe, options: { test: 0 } });
    const { kind, snapshot } = await run.outcome;
    assert.deepEqual([kind, snapshot.step, snapshot.best], ["done", 6, null]);
    assert.deepEqual(run.of("eval"), []);
  }
});

test("a run whose folder was taken from it commits, evaluates and saves nothing more", async () => {
  const lost = new CnnDistError("lock-lost", "the folder is another run's");
  // Of six steps in two epochs: with the looks before each commit and each evaluation, the n-th finds it lost.
  for (const [looks, steps, evaluations] of [
    [0, 0, 0],
    [2, 2, 0],
    [3, 3, 0], // between the epoch's last commit and the end of its evaluation
    [4, 3, 1],
    [7, 6, 1],
  ] as const) {
    let left = looks;
    const run = begin({
      assertHeld() {
        if (left-- === 0) throw lost;
      },
    });
    await assert.rejects(run.outcome, lost);
    assert.deepEqual(
      [run.committed.length, run.of("step").length, run.of("eval").length, run.saved.length],
      [steps, steps, evaluations, evaluations],
    );
  }
});

test("checkpoints are written every so many seconds as well", async () => {
  const clock = new FakeClock();
  const run = begin({
    clock,
    placement: { checkpointEverySeconds: 40 },
    before({ kind }) {
      if (kind === "step") void clock.advance(25_000, { jump: true });
    },
  });
  await run.outcome;
  assert.deepEqual(run.saved, [2, 3, 5, 6]);
});

test("a save that takes long holds up nothing once it has read the weights; what falls due meanwhile follows it", async () => {
  const long = { recipe: { epochs: 3 }, options: { train: 40 } }; // five steps an epoch
  const whole = bitsOf((await begin(long).outcome).snapshot);
  let begun = 0;
  const reads = new Map<number, [before: string, after: string]>();
  const run = begin({
    ...long,
    placement: { checkpointEverySteps: 1 },
    async before(work) {
      if (work.kind === "step") begun = work.plan.step;
      await new Promise(setImmediate);
    },
    async save(snapshot, read) {
      const before = bitsOf(snapshot);
      for (let turn = 0; turn < 2; turn++) await new Promise(setImmediate);
      reads.set(snapshot.step, [before, bitsOf(snapshot)]);
      read();
      while (snapshot.step === 1 && begun < 4) await new Promise(setImmediate); // it would hang if a step waited for it
    },
  });
  assert.equal(bitsOf((await run.outcome).snapshot), whole);
  assert.equal(run.saved[0], 1);
  assert.ok(run.saved[1] === 4 || run.saved[1] === 5, `${run.saved}`);
  for (const epochEnd of [5, 10, 15]) assert.ok(run.saved.includes(epochEnd), `${run.saved}`);
  for (const [before, after] of reads.values()) assert.equal(before, after);
});
