/** Nothing is left behind, however a run ends. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { RunEvent } from "../../src/events.js";
import { disturbance } from "../support/disturb.js";
import { cli, runHere, SMALL_DATA, scratch } from "../support/runs.js";

const DATA = Object.entries(SMALL_DATA).flatMap(([name, value]) => ["--dataset-option", `${name}=${value}`]);
const RECIPE = [
  "--model",
  "tiny-bn",
  "--dataset",
  "synthetic",
  ...DATA,
  "--batch-size",
  "64",
  "--shards",
  "4",
  "--seed",
  "7",
  "--optimizer",
  "adam",
];

const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function gone(pids: readonly number[]): Promise<void> {
  for (let attempt = 0; attempt < 100 && pids.some(alive); attempt++) await sleep(50);
  assert.deepEqual(pids.filter(alive), []);
}

/** A folder for sockets of the test's own, so that other runs' do not count. */
function runtimeDir(context: TestContext): string {
  const dir = join(scratch(context), "rt");
  mkdirSync(dir, { mode: 0o700 });
  return dir;
}

const pidsOf = (events: readonly RunEvent[]) => [
  ...new Set(events.flatMap((event) => (event.event === "worker" && event.pid !== null ? [event.pid] : []))),
];

test("a SIGKILL of the coordinator takes its workers along, and the next start sweeps its sockets", async (context) => {
  const dir = scratch(context);
  const env = { XDG_RUNTIME_DIR: runtimeDir(context) };
  const first = await cli(
    [
      "launch",
      ...RECIPE,
      "--device",
      "cpu",
      "--gpus",
      "2",
      "--epochs",
      "100000",
      "--run-dir",
      join(dir, "a"),
      "--json",
    ],
    { env },
  );
  await first.waitFor(({ event }) => event === "step");
  const pids = pidsOf(first.events);
  assert.equal(pids.length, 2);
  first.child.kill("SIGKILL");
  await first.ended;
  await gone(pids);
  assert.equal(readdirSync(env.XDG_RUNTIME_DIR).length, 1, "what only the next start can sweep");
  const second = await cli(
    ["launch", ...RECIPE, "--device", "cpu", "--gpus", "1", "--steps", "1", "--run-dir", join(dir, "b"), "--json"],
    { env },
  );
  assert.equal((await second.ended).code, 0, second.stderr());
  await gone(pidsOf(second.events));
  assert.deepEqual(readdirSync(env.XDG_RUNTIME_DIR), []);
  assert.ok(!existsSync(join(dir, "b", "lock")));
});

test("with nobody left and no restart left the run fails with the cause, the log's end and the way to go on", async (context) => {
  const dir = scratch(context);
  const run = await cli([
    "launch",
    ...RECIPE,
    "--device",
    "cpu",
    "--gpus",
    "1",
    "--max-restarts",
    "0",
    "--epochs",
    "100000",
    "--checkpoint-every-steps",
    "2",
    "--run-dir",
    join(dir, "run"),
    "--json",
  ]);
  await run.waitFor(({ event }) => event === "checkpoint");
  process.kill(pidsOf(run.events)[0]!, "SIGSEGV");
  assert.equal((await run.ended).code, 1);
  assert.match(run.stderr(), /no worker is left.*rank 0.*SIGSEGV.*last lines of its log.*cnn-dist resume /s);
});

test("a worker that dies again and again is started again with patience, and the result is the same", async (context) => {
  const expected = await runHere(context, "tiny-bn", {
    overrides: { optimizer: "adam", batchSize: 64, shards: 4, seed: 7, epochs: 2 },
    placement: { workers: 1 },
  });
  let kills = 0;
  const { done, events } = await runHere(context, "tiny-bn", {
    overrides: { optimizer: "adam", batchSize: 64, shards: 4, seed: 7, epochs: 2 },
    placement: { workers: 1, maxRestarts: 2 },
    ...disturbance(
      (message) => message.type === "loss" && message.step === 2 && kills < 2 && message.incarnation === kills,
      (pid) => {
        kills++;
        process.kill(pid, "SIGKILL");
      },
    ),
  });
  assert.equal(done.weights_sha256, expected.done.weights_sha256);
  assert.equal(events.filter((event) => event.event === "worker" && event.state === "lost").length, 2);
});
