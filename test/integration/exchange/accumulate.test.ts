/** Accumulated batches end in the bits of one large batch, over every exchange, on any workers, through a death. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { RecipeOverrides } from "../../../src/config/resolve.js";
import type { RunEvent } from "../../../src/events.js";
import { disturbance } from "../../support/disturb.js";
import { runHere } from "../../support/runs.js";

/** Four full batches of 32 an epoch, and one of 22 images. */
const COMMON = { optimizer: "adam", clipGradNorm: 0.1, seed: 5, steps: 5, epochs: null } as const;
const LARGE = { ...COMMON, batchSize: 32, shards: 4 };
/** As many shards a step. */
const ACCUMULATED: readonly RecipeOverrides[] = [
  { ...COMMON, batchSize: 16, shards: 2, accumulate: 2 },
  { ...COMMON, batchSize: 8, shards: 1, accumulate: 4 },
];

const stepsOf = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.event === "step" ? [[event.loss, event.gradient_norm, event.samples]] : []));

const run = (context: TestContext, overrides: RecipeOverrides, options: Parameters<typeof runHere>[2] = {}) =>
  runHere(context, "tiny-bn", { overrides, ...options });

test("accumulated batches are one large batch, on one, two and three workers, over shared memory and frames", async (context) => {
  const expected = await run(context, LARGE, { placement: { workers: 1 } });
  for (const overrides of ACCUMULATED)
    for (const placement of [{ workers: 1 }, { workers: 2 }, { workers: 3, exchange: "frames" }] as const) {
      const { done, events } = await run(context, overrides, { placement });
      const what = `${overrides.accumulate} batches, ${JSON.stringify(placement)}`;
      assert.equal(done.weights_sha256, expected.done.weights_sha256, what);
      assert.deepEqual(stepsOf(events), stepsOf(expected.events), what);
    }
});

for (const exchange of ["shared-memory", "frames"] as const)
  test(`${exchange}: a worker killed in the middle of an accumulation costs nothing but time`, async (context) => {
    const overrides = ACCUMULATED[1]!;
    const expected = await run(context, overrides, { placement: { workers: 1, exchange } });
    let killed = false;
    const { done, events } = await run(context, overrides, {
      placement: { workers: 2, exchange },
      // The last shard of the second worker: its first is computed by then.
      ...disturbance(
        (message) => !killed && message.type === "loss" && message.step === 2 && message.shard === 3,
        (pid) => {
          killed = true;
          process.kill(pid, "SIGKILL");
        },
      ),
    });
    assert.equal(done.weights_sha256, expected.done.weights_sha256);
    assert.ok(events.some((event) => event.event === "worker" && event.state === "lost"));
  });
