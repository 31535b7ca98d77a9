import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EvaluationSum } from "../../../src/coordinator/training/evaluation.js";
import { evaluationChunks, type Span } from "../../../src/data/order.js";
import { ChunksInFlight } from "../../../src/membership/chunks.js";
import { Pace } from "../../../src/membership/pace.js";
import type { Member } from "../../../src/membership/roster.js";
import { testLayout } from "../../support/fake-worker.js";
import { member } from "../../support/member.js";
import { weightsOf } from "../../support/step-values.js";

const lossOf = ({ start, end }: Span) => Math.sin(start) * 1e10 + end / 3;

function begin(images: number, chunk: number, { pace = new Pace(), travels = false } = {}) {
  const clock = { now: 9 };
  const chunks = evaluationChunks(images, chunk);
  const queues = new Map<Member, Span[]>();
  /** Who may be given work. */
  let ready: readonly Member[] = [];
  const sum = new EvaluationSum(chunks, weightsOf(testLayout(), 7));
  const evaluation = new ChunksInFlight(sum, 3, {
    now: () => clock.now,
    ready: () => ready,
    pace,
    send(to, span) {
      queues.set(to, [...(queues.get(to) ?? []), span]);
      return travels;
    },
  });
  const message = ({ start, end }: Span) =>
    ({
      type: "evaluated",
      run: "run",
      rank: 0,
      incarnation: 0,
      evaluation: 3,
      start,
      end,
      loss: lossOf({ start, end }),
      hits: end - start,
    }) as const;
  /** The worker's next answer. */
  const answer = (from: Member) => {
    const span = queues.get(from)?.shift();
    return span && evaluation.receive(from, message(span));
  };
  const assign = (members: readonly Member[]) => {
    ready = members;
    evaluation.assign(members);
  };
  /** A worker that is being ended: what it owes is not given to others yet. */
  const leaving = (gone: Member) => {
    ready = ready.filter((member) => member !== gone);
  };
  let loss = 0;
  for (const each of chunks) loss += lossOf(each);
  return { evaluation, clock, assign, leaving, sum, queues, message, answer, expected: { loss, hits: images } };
}

test("whoever answers, dies and comes in what order, each image counts once and the sums are the same bits", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.record({ who: fc.nat(), dies: fc.boolean() }), { maxLength: 40 }),
      async (images, workers, fates) => {
        const run = begin(images, 7);
        let rank = 0;
        let living = Array.from({ length: workers }, () => member(rank++));
        run.assign(living);
        for (const { who, dies } of fates) {
          const one = living[who % living.length]!;
          if (!dies) {
            const reason = run.answer(one);
            assert.ok(reason === null || reason === undefined);
            continue;
          }
          assert.equal(run.evaluation.lost(one), run.queues.get(one)?.length ?? 0);
          living = [...living.filter((other) => other !== one), member(rank++)];
          run.assign(living);
        }
        for (let left = true; left; ) {
          left = false;
          for (const worker of living) if (run.answer(worker) === null) left = true;
        }
        await run.evaluation.done;
        assert.deepEqual(run.sum.result(), run.expected);
        assert.equal(run.evaluation.owesSince.size, 0);
      },
    ),
    { numRuns: 200 },
  );
});

test("answers that nobody asked for, or twice, or of another evaluation count nothing", async () => {
  const run = begin(20, 10);
  const [a, b] = [member(0), member(1)];
  run.assign([a, b]);
  const [first] = run.queues.get(a)!;
  const [second] = run.queues.get(b)!;
  assert.equal(run.evaluation.owesSince.get(a), 9);
  assert.equal(run.evaluation.receive(b, run.message(first!)), "stale");
  assert.equal(run.evaluation.receive(a, { ...run.message(first!), evaluation: 2 }), "stale");
  assert.equal(run.evaluation.receive(a, run.message({ start: 0, end: 5 })), "schema");
  assert.equal(run.evaluation.receive(a, { type: "bye" }), "stale");
  assert.equal(run.evaluation.receive(a, run.message(first!)), null);
  assert.equal(run.evaluation.receive(a, run.message(first!)), "stale");
  assert.equal(run.evaluation.receive(b, run.message(second!)), null);
  await run.evaluation.done;
  assert.deepEqual(run.sum.result(), run.expected);
});

test("a worker has two chunks at a time, the others wait for whoever is free", () => {
  const run = begin(100, 10);
  const [a, b] = [member(0), member(1)];
  run.assign([a, b]);
  assert.deepEqual(
    [a, b].map((each) => run.queues.get(each)!.map(({ start }) => start)),
    [
      [0, 20],
      [10, 30],
    ],
  );
  run.answer(b);
  assert.deepEqual(
    run.queues.get(b)!.map(({ start }) => start),
    [30, 40],
  );
});

test("a worker that is being ended is given nothing more; what it owes goes to others once it has ended", async () => {
  const run = begin(50, 10);
  const [a, b, c] = [member(0), member(1), member(2)];
  const starts = (of: Member) => run.queues.get(of)!.map(({ start }) => start);
  run.assign([a, b, c]);
  assert.deepEqual([a, b, c].map(starts), [[0, 30], [10, 40], [20]]);
  run.leaving(c);
  assert.equal(run.evaluation.lost(a), 2);
  run.leaving(a);
  run.answer(b);
  assert.deepEqual([b, c].map(starts), [[40, 0], [20]]);
  assert.equal(run.evaluation.lost(c), 1);
  while (run.answer(b) === null);
  await run.evaluation.done;
  assert.deepEqual(run.sum.result(), run.expected);
});

test("abandoned, it rejects with the reason", async () => {
  const run = begin(10, 5);
  run.evaluation.abandon(new Error("stop"));
  await assert.rejects(run.evaluation.done, /stop/);
});

test("an evaluation without images is done at once", async () => {
  const run = begin(0, 5);
  run.assign([member(0)]);
  await run.evaluation.done;
  assert.deepEqual(run.sum.result(), { loss: 0, hits: 0 });
  assert.equal(run.queues.size, 0);
});

test("a chunk's time is kept, and what is usual counts once the weights have come", () => {
  const pace = new Pace();
  const only = member(0);
  const run = begin(50, 10, { pace, travels: true });
  run.assign([only]);
  for (const now of [1_009, 1_019, 1_029, 1_039]) {
    assert.equal(run.evaluation.usualMs(only), null);
    run.clock.now = now;
    run.answer(only);
  }
  assert.equal(pace.usualMs(only, 1), 10);
  const next = begin(10, 10, { pace });
  next.assign([only]);
  assert.equal(next.evaluation.usualMs(only), 10);
});
