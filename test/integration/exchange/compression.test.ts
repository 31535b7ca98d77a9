/** Compressed gradients end in the same bits over every exchange, on any workers, through deaths, stops and resumes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { RecipeOverrides } from "../../../src/config/resolve.js";
import type { RunEvent } from "../../../src/events.js";
import { disturbance } from "../../support/disturb.js";
import { runHere, scratch } from "../../support/runs.js";

/** Three full batches, and one of three images for four shards. */
const RECIPE = { optimizer: "momentum", batchSize: 49, shards: 4, seed: 3, steps: 6, epochs: null } as const;

const run = (context: TestContext, overrides: RecipeOverrides, options: Parameters<typeof runHere>[2] = {}) =>
  runHere(context, "tiny-bn", { overrides: { ...RECIPE, ...overrides }, ...options });

const lossesOf = (events: readonly RunEvent[]) =>
  new Map(events.flatMap((event) => (event.event === "step" ? [[event.step, event.loss] as const] : [])));

const rollbacksOf = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.event === "rollback" ? [[event.from_step, event.step]] : []));

/** Kills the rank's worker at the end of its first shard of a step; the coordinator does not hear of that. */
function killed(rank: number, step: number) {
  let done = false;
  return disturbance(
    (message) => !done && message.type === "finished" && message.step === step && message.rank === rank,
    (pid) => {
      done = true;
      process.kill(pid, "SIGKILL");
    },
    { andSilence: true },
  );
}

const results = new Map<string, Promise<{ weights: string | null; losses: Map<number, number> }>>();
/** Of the undisturbed run, over shared memory. */
function expected(context: TestContext, compress: string) {
  const found =
    results.get(compress) ??
    run(context, { compress }, { placement: { workers: 1 } }).then(({ done, events }) => ({
      weights: done.weights_sha256,
      losses: lossesOf(events),
    }));
  results.set(compress, found);
  return found;
}

/** Each of them over frames, and of workers one, two and three. */
const PLACEMENTS = {
  bf16: [{ workers: 2, exchange: "frames" }],
  fp16: [{ workers: 3, exchange: "frames", checkpointEverySteps: 2 }],
  "topk:0.1": [{ workers: 2 }, { workers: 1, exchange: "frames" }],
} as const;

for (const [compress, placements] of Object.entries(PLACEMENTS))
  test(`${compress}: shared memory and frames, and any number of workers, end in the same bits`, async (context) => {
    const { weights, losses } = await expected(context, compress);
    for (const placement of placements) {
      const { done, events } = await run(context, { compress }, { placement });
      assert.deepEqual(lossesOf(events), losses, JSON.stringify(placement));
      assert.equal(done.weights_sha256, weights, JSON.stringify(placement));
      assert.deepEqual(rollbacksOf(events), []);
    }
  });

test("the compressions are recipes of their own", async (context) => {
  const kinds = await Promise.all(["bf16", "fp16", "topk:0.1"].map((each) => expected(context, each)));
  assert.equal(new Set(kinds.map(({ weights }) => weights)).size, 3);
});

test("shared memory: a worker's death costs nothing", async (context) => {
  const { weights } = await expected(context, "topk:0.1");
  const { done, events } = await run(context, { compress: "topk:0.1" }, { placement: { workers: 2 }, ...killed(1, 3) });
  assert.equal(done.weights_sha256, weights);
  assert.ok(events.some((event) => event.event === "worker" && event.state === "lost"));
  assert.deepEqual(rollbacksOf(events), []);
});

for (const [what, step, rollbacks] of [
  ["before the first checkpoint takes it to the start", 2, [[1, 0]]],
  ["right after a checkpoint costs the step alone", 3, []],
  ["later takes it to the checkpoint", 4, [[3, 2]]],
] as const)
  test(`frames: a worker's death ${what}, and to the same bits`, async (context) => {
    const { weights, losses } = await expected(context, "bf16");
    const placement = { workers: 2, exchange: "frames", checkpointEverySteps: 2 } as const;
    const { done, events } = await run(context, { compress: "bf16" }, { placement, ...killed(1, step) });
    assert.deepEqual(rollbacksOf(events), rollbacks);
    assert.deepEqual(lossesOf(events), losses);
    assert.equal(done.weights_sha256, weights);
  });

test("a run stopped over frames is resumed over shared memory, and the other way round", async (context) => {
  const { weights } = await expected(context, "topk:0.1");
  for (const [first, second] of [
    ["frames", "shared-memory"],
    ["shared-memory", "frames"],
  ] as const) {
    const runDir = join(scratch(context), "run");
    const compress = { compress: "topk:0.1" };
    const begun = { placement: { runDir, workers: 2, exchange: first }, stopAfterStep: 3 };
    const stopped = await run(context, compress, begun);
    assert.equal(stopped.done.event, "stopped");
    const going = { placement: { runDir, workers: 3, exchange: second }, resume: { runDir } };
    const { done } = await run(context, compress, going);
    assert.equal(done.weights_sha256, weights, `${first}, then ${second}`);
  }
});
