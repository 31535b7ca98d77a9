import assert from "node:assert/strict";
import { test } from "node:test";
import { forkWorker } from "../../../src/run/fork-worker.js";

const SETTINGS = {
  endpoint: "ipc:///nowhere",
  key: null,
  token: null,
  device: "cpu",
  deviceName: "cpu 0",
  devices: 1,
  modelFiles: [],
  log: null,
  libraryDir: "/nonexistent",
  dataDir: null,
  aloneMs: 30_000,
  cacheDir: "/nonexistent",
} as const;

test("a process that the system refuses to start has ended before it began, and can be told to end again", async () => {
  // Linux takes no single string of more than 128 KiB for a new process: E2BIG, which Node throws.
  const worker = forkWorker(SETTINGS, { TOO_LONG: "x".repeat(1 << 18) }, { output: null, memory: null });
  worker.leave();
  worker.kill();
  assert.deepEqual(await worker.exited, {
    code: null,
    detail: "its process could not be started: spawn E2BIG",
  });
});
