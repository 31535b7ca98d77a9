/** Shared memory and frames end in the same bits, for every update rule, whoever dies; and nothing is left behind. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { test } from "node:test";
import type { RecipeOverrides } from "../../../src/config/resolve.js";
import type { RunEvent } from "../../../src/events.js";
import { disturbance } from "../../support/disturb.js";
import { runHere } from "../../support/runs.js";

const RECIPE = { batchSize: 32, shards: 4, seed: 3, steps: 3, epochs: null } as const;
const RULES: readonly RecipeOverrides[] = [
  { optimizer: "sgd", weightDecay: 1e-3 },
  { optimizer: "momentum", weightDecay: 1e-3, weightDecayExclude: "biasAndNorm" },
  { optimizer: "nesterov", clipGradNorm: 0.5 },
  // Three full batches, and one of three images for four shards.
  { optimizer: "adam", clipGradNorm: 1e-3, batchSize: 49, steps: 5 },
  { optimizer: "adamw", weightDecay: 0.1 },
  { optimizer: "rmsprop" },
];

const stepsOf = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.event === "step" ? [[event.loss, event.gradient_norm]] : []));

for (const rule of RULES)
  test(`${rule.optimizer}: shared memory, two workers, and frames, one worker, end in the same bits`, async (context) => {
    const overrides = { ...RECIPE, ...rule };
    const shared = await runHere(context, "tiny-bn", { overrides, placement: { workers: 2 } });
    const frames = await runHere(context, "tiny-bn", { overrides, placement: { workers: 1, exchange: "frames" } });
    assert.equal(shared.done.weights_sha256, frames.done.weights_sha256);
    assert.deepEqual(stepsOf(shared.events), stepsOf(frames.events));
  });

for (const exchange of ["shared-memory", "frames"] as const)
  test(`${exchange}: a worker killed as it hands a gradient over, or as it is about to, costs nothing`, async (context) => {
    const overrides = { ...RECIPE, optimizer: "momentum" } as const;
    const expected = await runHere(context, "tiny-bn", { overrides, placement: { workers: 1, exchange } });
    for (const type of ["loss", "bucket"] as const) {
      let done = false;
      const { done: last, events } = await runHere(context, "tiny-bn", {
        overrides,
        placement: { workers: 2, exchange },
        ...disturbance(
          (message) => !done && message.type === type && message.step === 2 && message.rank === 1,
          (pid) => {
            done = true;
            process.kill(pid, "SIGKILL");
          },
        ),
      });
      assert.equal(last.weights_sha256, expected.done.weights_sha256, `killed after its ${type}`);
      assert.ok(events.some((event) => event.event === "worker" && event.state === "lost"));
    }
  });

test("the memory has no name, and its descriptor is closed with the run", async (context) => {
  const memories = () =>
    readdirSync("/proc/self/fd").filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith("/memfd:cnn-dist");
      } catch {
        return false; // the descriptor of this very listing
      }
    });
  const named = () => (existsSync("/dev/shm") ? readdirSync("/dev/shm").filter((name) => name.includes("cnn")) : []);
  const during = { descriptors: 0, names: ["not looked"] };
  await runHere(context, "tiny-bn", {
    overrides: { ...RECIPE, optimizer: "sgd" },
    placement: { workers: 2 },
    observe: ({ event }) => {
      if (event !== "step") return;
      during.descriptors = memories().length;
      during.names = named();
    },
  });
  assert.deepEqual(during, { descriptors: 1, names: [] });
  assert.deepEqual(memories(), []);
});
