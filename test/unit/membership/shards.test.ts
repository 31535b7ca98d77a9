import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { StepSum } from "../../../src/coordinator/training/step.js";
import { compressorOf } from "../../../src/exchange/compression.js";
import { Pace } from "../../../src/membership/pace.js";
import { ResidualHomes } from "../../../src/membership/residuals.js";
import type { Member } from "../../../src/membership/roster.js";
import { ShardsInFlight } from "../../../src/membership/shards.js";
import type { StepPlan } from "../../../src/membership/workers.js";
import { asBytes } from "../../../src/parameters/bytes.js";
import { coverOf, type Range } from "../../../src/parameters/tree.js";
import type { ToCoordinator } from "../../../src/protocol/messages.js";
import { testLayout } from "../../support/fake-worker.js";
import { member } from "../../support/member.js";
import { COSTS, sumOf, TIMING, weightsOf } from "../../support/step-values.js";
import { Shelf } from "../../support/training-memory.js";

const LAYOUT = testLayout();
const BF16 = compressorOf("bf16")!;
const PLAN: StepPlan = {
  step: 5,
  version: 4,
  epoch: 1,
  stepInEpoch: 2,
  batch: 8,
  shards: 4,
  block: 1,
  empty: [],
  traced: false,
};

function begin(
  changes: Partial<StepPlan> = {},
  compression: { homes: ResidualHomes } | null = null,
  { pace = new Pace(), travels = false } = {},
) {
  const plan = { ...PLAN, ...changes };
  const clock = { now: 0 };
  const given: { rank: number; shards: readonly number[] }[] = [];
  const shelf = new Shelf();
  const reduced = new Map<number, Float32Array>();
  const sum = new StepSum(plan, weightsOf(LAYOUT, plan.version), {
    now: () => clock.now,
    place: (shard, bucket) => shelf.place(shard, bucket, LAYOUT.buckets[bucket]!.size),
    residual: () => new Float32Array(LAYOUT.size),
    complete(bucket, additions) {
      assert.ok(!reduced.has(bucket), `bucket ${bucket} was complete twice`);
      reduced.set(bucket, shelf.sum(bucket, additions));
    },
    reducedState(state) {
      assert.ok(!reduced.has(-1), "the state was reduced twice");
      reduced.set(-1, state.slice());
    },
  });
  const step = new ShardsInFlight(sum, {
    now: () => clock.now,
    clocks: { offsetMs: () => 0 },
    compression: compression && { ...compression, compressor: BF16 },
    pace,
    send({ rank }, shards) {
      given.push({ rank, shards: [...shards] });
      return travels;
    },
  });
  const work = { run: "run", rank: 0, incarnation: 0, step: plan.step, version: plan.version };
  const give = (from: Member, message: ToCoordinator, payload?: Float32Array) =>
    step.receive(from, message, payload ? asBytes(payload) : null);
  /** All that a worker sends for a range, one message after the other. */
  function* messages(range: Range): Generator<readonly [ToCoordinator, Float32Array?]> {
    for (let shard = range.start; shard < range.end; shard++)
      if (!plan.empty.includes(shard)) yield [{ type: "loss", ...work, shard, loss: shard / 10, hits: 1 }];
    for (const { index, size } of LAYOUT.buckets)
      yield [{ type: "bucket", ...work, ...range, bucket: index }, sumOf(range, size, plan.empty)!];
    yield [{ type: "finished", ...work, ...range, timing: TIMING }, sumOf(range, LAYOUT.stateSize, plan.empty)!];
  }
  const expected = () => {
    const root = { start: 0, end: plan.shards };
    const sums = new Map(LAYOUT.buckets.map(({ index, size }) => [index, sumOf(root, size, plan.empty)!]));
    return sums.set(-1, sumOf(root, LAYOUT.stateSize, plan.empty)!);
  };
  return { step, sum, clock, given, shelf, reduced, work, give, messages, expected };
}

async function settled(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([
    promise.then(() => true),
    new Promise<boolean>((resolve) => setImmediate(() => resolve(false))),
  ]);
}

test("whoever dies after whatever message, each sum is whole once, to the bit", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 7 }),
      fc.array(fc.nat(30), { maxLength: 6 }),
      fc.integer({ min: 1, max: 4 }),
      fc.nat(2),
      async (shards, fates, start, short) => {
        const empty = Array.from({ length: Math.min(short, shards - 1) }, (_, index) => index * 2).filter(
          (shard) => shard < shards,
        );
        if (empty.length === shards) return;
        const run = begin({ shards, empty });
        let rank = 0;
        let living = Array.from({ length: start }, () => member(rank++));
        run.step.assign(living);
        const queues = new Map<Member, (readonly [ToCoordinator, Float32Array?])[]>();
        const collect = () => {
          for (const { rank: to, shards: block } of run.given.splice(0)) {
            const owner = living.find((each) => each.rank === to)!;
            const queue = queues.get(owner) ?? [];
            queues.set(owner, queue);
            for (const range of coverOf(block, shards)) queue.push(...run.messages(range));
          }
        };
        collect();
        for (const fate of fates) {
          // Somebody says `fate` messages more, then dies; somebody else comes.
          const dying = living[fate % living.length]!;
          for (const [message, payload] of (queues.get(dying) ?? []).splice(0, fate))
            assert.equal(run.give(dying, message, payload?.slice()), null);
          run.step.lost(dying);
          living = [...living.filter((each) => each !== dying), member(rank++)];
          run.step.assign(living);
          collect();
        }
        for (const worker of living)
          for (const [message, payload] of queues.get(worker) ?? [])
            assert.equal(run.give(worker, message, payload?.slice()), null);
        await run.step.done;
        assert.deepEqual(run.reduced, run.expected());
        assert.equal(run.sum.result(COSTS).hits, shards - empty.length);
        assert.equal(run.step.owesSince.size, 0);
      },
    ),
    { numRuns: 300 },
  );
});

test("only shards that were given to a worker are taken from it", () => {
  const run = begin();
  const [a, b, stranger] = [member(0), member(1), member(2)];
  run.step.assign([a, b]);
  assert.deepEqual(run.given, [
    { rank: 0, shards: [0, 1] },
    { rank: 1, shards: [2, 3] },
  ]);
  const bucket = (start: number, end: number) => ({ type: "bucket", ...run.work, start, end, bucket: 0 }) as const;
  const size = LAYOUT.buckets[0]!.size;
  const values = () => new Float32Array(size).fill(1);
  assert.equal(run.give(stranger, bucket(0, 2), values()), "sender");
  assert.equal(run.give(b, bucket(0, 2), values()), "sender");
  assert.equal(run.give(b, bucket(0, 4), values()), "sender");
  assert.equal(run.give(a, { type: "loss", ...run.work, shard: 2, loss: 1, hits: 0 }), "sender");
  assert.equal(
    run.give(a, { type: "finished", ...run.work, start: 2, end: 4, timing: TIMING }, new Float32Array(4)),
    "sender",
  );
  assert.equal(run.reduced.size, 0);
});

test("what is no node of the tree, no bucket of the layout or not of its size is refused, and is no sign of progress", () => {
  const run = begin();
  const only = member(0);
  run.step.assign([only]);
  run.clock.now = 50;
  const size = LAYOUT.buckets[0]!.size;
  const bucket = (start: number, end: number, index = 0) =>
    ({ type: "bucket", ...run.work, start, end, bucket: index }) as const;
  for (const [start, end] of [
    [0, 3],
    [1, 3],
    [2, 2],
    [3, 1],
    [0, 8],
    [4, 5],
  ] as const)
    assert.equal(run.give(only, bucket(start, end), new Float32Array(size)), "schema", `${start}-${end}`);
  assert.equal(run.give(only, bucket(0, 2, LAYOUT.buckets.length), new Float32Array(size)), "schema");
  assert.equal(run.give(only, bucket(0, 2), new Float32Array(size + 1)), "payload");
  assert.equal(run.give(only, bucket(0, 2)), "payload");
  assert.equal(run.give(only, { type: "loss", ...run.work, shard: 4, loss: 1, hits: 0 }), "schema");
  assert.equal(run.give(only, { ...bucket(0, 2), version: 3 }, new Float32Array(size)), "stale");
  assert.equal(run.give(only, { ...bucket(0, 2), step: 6 }, new Float32Array(size)), "stale");
  assert.equal(run.give(only, { type: "bye" }), "stale");
  assert.equal(run.step.owesSince.get(only), 0);
  assert.equal(run.give(only, bucket(0, 2), new Float32Array(size)), null);
  assert.equal(run.step.owesSince.get(only), 50);
});

test("a range is finished once its losses, all its buckets and its end came from a worker, in whatever order", async () => {
  const range = { start: 0, end: 2 };
  const count = [...begin({ shards: 2 }).messages(range)].length;
  const indices = Array.from({ length: count }, (_, index) => index);
  const order = fc.shuffledSubarray(indices, { minLength: count, maxLength: count });
  await fc.assert(
    fc.asyncProperty(order, async (order) => {
      const run = begin({ shards: 2 });
      const only = member(0);
      run.step.assign([only]);
      const messages = [...run.messages(range)];
      for (const index of order) {
        assert.equal(await settled(run.step.done), false);
        assert.ok(run.step.owesSince.has(only), "it can still be found to be late");
        const [message, payload] = messages[index]!;
        assert.equal(run.give(only, message, payload?.slice()), null);
        assert.equal(run.give(only, message, payload?.slice()), "duplicate");
      }
      assert.equal(await settled(run.step.done), true);
      assert.equal(run.step.owesSince.size, 0);
      assert.deepEqual(run.reduced, run.expected());
      assert.equal(run.sum.result(COSTS).hits, 2);
    }),
    { numRuns: 50 },
  );
});

test("an end without its state is refused, and one that waits for a loss goes with its worker", async () => {
  const run = begin({ shards: 1, batch: 8 });
  const [first, second] = [member(0), member(1)];
  run.step.assign([first]);
  const [loss, ...rest] = [...run.messages({ start: 0, end: 1 })];
  assert.equal(run.give(first, rest.at(-1)![0]), "payload", "the state is missing");
  for (const [message, payload] of rest) assert.equal(run.give(first, message, payload?.slice()), null);
  assert.equal(run.step.lost(first), 1);
  run.step.assign([second]);
  assert.equal(run.give(second, ...loss!), null);
  assert.equal(await settled(run.step.done), false);
  for (const [message, payload] of rest) assert.equal(run.give(second, message, payload?.slice()), null);
  assert.equal(await settled(run.step.done), true);
  assert.deepEqual([...run.step.ranks.keys()], [1]);
});

test("a lost worker's shards go to those that owe least", () => {
  const run = begin({ shards: 6 });
  const [a, b, c] = [member(0), member(1), member(2)];
  run.step.assign([a, b, c]);
  for (const [message, payload] of run.messages({ start: 2, end: 4 }))
    assert.equal(run.give(b, message, payload), null);
  run.given.length = 0;
  assert.equal(run.step.lost(a), 2);
  run.step.assign([b]);
  assert.deepEqual(run.given, [{ rank: 1, shards: [0, 1] }]);
  assert.equal(run.step.lost(c), 2);
  run.given.length = 0;
  run.step.assign([b, member(3)]);
  assert.deepEqual(run.given, [
    { rank: 3, shards: [4] },
    { rank: 1, shards: [5] },
  ]);
});

test("what the training throws ends the step", async () => {
  const run = begin();
  const only = member(6);
  run.step.assign([only]);
  assert.equal(run.give(only, { type: "loss", ...run.work, shard: 3, loss: Number.NaN, hits: 0 }), null);
  await assert.rejects(run.step.done, { code: "not-finite", message: /step 5, shard 3, rank 6: the loss is NaN/ });
});

test("time in which the coordinator was held up makes nobody late", () => {
  const run = begin();
  const [a, b] = [member(0), member(1)];
  run.step.assign([a, b]);
  run.step.forgive(70);
  assert.deepEqual([...run.step.owesSince.values()], [70, 70]);
});

test("a block goes to one worker as a whole, and over shared memory nothing smaller is taken from it", async () => {
  const run = begin({ shards: 6, block: 2, empty: [1] });
  const [a, b] = [member(0, "shared-memory"), member(1, "shared-memory")];
  run.step.assign([a, b]);
  assert.deepEqual(run.given.splice(0), [
    { rank: 0, shards: [0, 2, 3] },
    { rank: 1, shards: [4, 5] },
  ]);
  const say = (from: Member, range: Range) => {
    for (const [message, payload] of run.messages(range)) {
      if (message.type !== "bucket") assert.equal(run.give(from, message, payload), null);
      else {
        run.shelf.place(range.start, message.bucket, payload!.length).set(payload!);
        assert.equal(run.give(from, message), null);
      }
    }
  };
  const bucket = { type: "bucket", ...run.work, bucket: 0 } as const;
  assert.equal(run.give(a, { ...bucket, start: 2, end: 3 }), "payload");
  assert.equal(run.give(a, { ...bucket, start: 0, end: 4 }), "payload");
  say(a, { start: 0, end: 2 });
  // What it had handed over stays; only its other block is computed again.
  assert.equal(run.step.lost(a), 2);
  run.step.assign([b]);
  assert.deepEqual(run.given, [{ rank: 1, shards: [2, 3] }]);
  for (const range of [
    { start: 4, end: 6 },
    { start: 2, end: 4 },
  ])
    say(b, range);
  await run.step.done;
  assert.deepEqual(run.reduced, run.expected());
});

test("compressed gradients come shard by shard, of the right size, and lie in their places as what they stand for", () => {
  const { step, give, work, shelf } = begin({}, { homes: new ResidualHomes(4, 4) });
  const [one, two] = [member(0), member(1)];
  step.assign([one, two]);
  const { index, size } = LAYOUT.buckets[0]!;
  const message = (start: number, end: number) => ({ type: "bucket", ...work, start, end, bucket: index }) as const;
  const sent = new Uint8Array(2 * size);
  BF16.compress(new Float32Array(size).fill(1.5), new Float32Array(size), new Float32Array(size), sent);
  assert.equal(give(one, message(0, 2), new Float32Array(size)), "schema");
  assert.equal(give(one, message(0, 1), new Float32Array(size)), "payload");
  assert.equal(step.receive(one, message(0, 1), sent), null);
  assert.deepEqual(shelf.place(0, index, size), new Float32Array(size).fill(1.5));
});

test("with residuals, what a lost worker had finished is computed again; later, shards stay with their workers", () => {
  const homes = new ResidualHomes(4, 4);
  const [one, two] = [member(0), member(1)];
  const first = begin({}, { homes });
  first.step.assign([one, two]);
  for (const shard of [0, 1]) homes.move(shard, one);
  for (const shard of [2, 3]) homes.move(shard, two);
  assert.deepEqual(first.given.splice(0), [
    { rank: 0, shards: [0, 1] },
    { rank: 1, shards: [2, 3] },
  ]);
  assert.equal(homes.lost(one, 4), false);
  assert.equal(first.step.lost(one), 2);
  first.step.assign([two]);
  assert.deepEqual(first.given.splice(0), [{ rank: 1, shards: [0, 1] }]);
  for (const shard of [0, 1]) homes.move(shard, two);
  const later = begin({ step: 6, version: 5 }, { homes });
  later.step.assign([member(2), two]);
  assert.deepEqual(later.given, [{ rank: 1, shards: [0, 1, 2, 3] }], "the new one must wait for a checkpoint");
});

test("what is usual counts for as many shards as are owed, and not before a worker's weights have come", () => {
  const pace = new Pace();
  const [a, b] = [member(0), member(1)];
  for (const ms of [9_000, 10, 10, 10]) pace.took(a, ms);
  const run = begin({}, null, { pace });
  run.step.assign([a, b]);
  assert.equal(run.step.usualMs(a), 20);
  assert.equal(run.step.usualMs(b), null, "it has not computed yet");
  run.clock.now = 100;
  for (const [message, payload] of run.messages({ start: 0, end: 2 })) run.give(a, message, payload);
  assert.equal(run.step.usualMs(a), 0);
  run.step.lost(b);
  run.step.assign([a]);
  run.clock.now = 160;
  for (const [message, payload] of run.messages({ start: 2, end: 4 })) run.give(a, message, payload);
  // Two shards in 100 ms, and two in 60 from then on: 10, 10, 10, 30, 50.
  assert.equal(pace.usualMs(a, 1), 10);
  for (const ms of [50, 50]) pace.took(a, ms);
  assert.equal(pace.usualMs(a, 1), 30);

  const slow = begin({}, null, { pace, travels: true });
  slow.step.assign([a]);
  assert.equal(slow.step.usualMs(a), null);
  assert.equal(slow.give(a, { type: "loss", ...slow.work, shard: 0, loss: 1, hits: 0 }), null);
  assert.equal(slow.step.usualMs(a), 120);
});

test("a late shard is given to an idle worker as well; the first result counts, and the second is a duplicate", async () => {
  const pace = new Pace();
  const [a, b, c] = [member(0), member(1), member(2)];
  for (const each of [a, b]) for (const ms of [1, 100, 100, 100]) pace.took(each, ms);
  const run = begin({}, null, { pace });
  run.step.assign([a, b]);
  run.given.length = 0;
  const all = [a, b, c];
  run.clock.now = 300;
  assert.deepEqual(run.step.backUp([a, b]), [], "nobody is idle");
  const late = run.messages({ start: 2, end: 4 });
  const [first, second] = [late.next().value!, late.next().value!];
  for (const [message, payload] of [first, second]) assert.equal(run.give(b, message, payload), null);
  for (const [message, payload] of run.messages({ start: 0, end: 2 }))
    assert.equal(run.give(a, message, payload), null);
  assert.deepEqual(run.step.backUp(all), [], "three times what is usual for one shard, not for two");
  run.clock.now = 301;
  assert.deepEqual(
    run.step.backUp(all).map(({ member: { rank }, shards, waitedMs }) => ({ rank, shards, waitedMs })),
    [{ rank: 1, shards: [2, 3], waitedMs: 301 }],
  );
  assert.deepEqual(run.given, [
    { rank: 0, shards: [2] },
    { rank: 2, shards: [3] },
  ]);
  assert.deepEqual(run.step.backUp(all), [], "once");
  for (const [message, payload] of run.messages({ start: 3, end: 4 }))
    assert.equal(run.give(c, message, payload), null);
  assert.equal(await settled(run.step.done), false);
  for (const [message, payload] of run.messages({ start: 2, end: 3 }))
    assert.equal(run.give(a, message, payload), null);
  await run.step.done;
  assert.deepEqual(run.reduced, run.expected());
  assert.deepEqual(run.step.behind, [b]);
  assert.equal(run.step.owesSince.size, 0);
  for (const [message, payload] of late) assert.equal(run.give(b, message, payload), "duplicate");
});

test("whoever of the two dies, the other's result counts; the late one may be first after all", async () => {
  for (const dies of ["late", "backup", "nobody"] as const) {
    const pace = new Pace();
    const [a, b] = [member(0), member(1)];
    for (const each of [a, b]) for (const ms of [1, 100, 100, 100]) pace.took(each, ms);
    const run = begin({ shards: 2 }, null, { pace });
    run.step.assign([a, b]);
    for (const [message, payload] of run.messages({ start: 0, end: 1 })) run.give(a, message, payload);
    run.clock.now = 200;
    assert.equal(run.step.backUp([a, b]).length, 1);
    if (dies !== "nobody") assert.equal(run.step.lost(dies === "late" ? b : a), 0, "nothing is given anew");
    const living = dies === "late" ? a : b;
    for (const [message, payload] of run.messages({ start: 1, end: 2 }))
      assert.equal(run.give(living, message, payload), null);
    await run.step.done;
    assert.deepEqual(run.reduced, run.expected());
    assert.deepEqual(run.step.behind, dies === "nobody" ? [a] : []);
  }
});

test("over shared memory nobody races", () => {
  const pace = new Pace();
  const [a, b] = [member(0, "shared-memory"), member(1, "shared-memory")];
  for (const each of [a, b]) for (const ms of [1, 100, 100, 100]) pace.took(each, ms);
  const run = begin({ shards: 2 }, null, { pace });
  run.step.assign([a]);
  run.clock.now = 10_000;
  assert.deepEqual(run.step.backUp([a, b]), []);
});
