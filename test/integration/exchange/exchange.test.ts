/** Whoever dies over shared memory or frames, the bits are the same, and nothing is left behind. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { test } from "node:test";
import type { ToCoordinator } from "../../../src/protocol/messages.js";
import { disturbances } from "../../support/disturb.js";
import { runHere } from "../../support/runs.js";

const RECIPE = { batchSize: 32, shards: 4, seed: 3, steps: 3, epochs: null } as const;
const kill = (pid: number) => void process.kill(pid, "SIGKILL");
const at = (type: "loss" | "bucket", rank: number) => (message: ToCoordinator) =>
  message.type === type && message.step === 2 && message.rank === rank;

test("workers killed as they hand a gradient over, or are about to, cost nothing on either exchange", async (context) => {
  const overrides = { ...RECIPE, optimizer: "momentum" } as const;
  const expected = await runHere(context, "tiny-bn", { overrides, placement: { workers: 1 } });
  for (const exchange of ["shared-memory", "frames"] as const) {
    const { done, events } = await runHere(context, "tiny-bn", {
      overrides,
      placement: { workers: 3, exchange },
      ...disturbances([
        { when: at("loss", 1), act: kill },
        { when: at("bucket", 2), act: kill },
      ]),
    });
    assert.equal(done.weights_sha256, expected.done.weights_sha256, exchange);
    const lost = events.flatMap((event) => (event.event === "worker" && event.state === "lost" ? [event.rank] : []));
    assert.deepEqual(lost.sort(), [1, 2]);
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
