/** Steps that most tests of a worker take. */
import assert from "node:assert/strict";
import { batchOf } from "../../src/data/order.js";
import { settle } from "./fake-clock.js";
import { DATA, type startWorker } from "./fake-setup.js";

export type Started = ReturnType<typeof startWorker>;

export async function accepted(worker: Started): Promise<void> {
  worker.accept();
  await settle();
  assert.equal(worker.of("join").length, 1);
}

export async function stopped(worker: Started): Promise<void> {
  worker.tell({ type: "stop", reason: "done" });
  assert.deepEqual(await worker.outcome, { kind: "stopped", detail: "done" });
}

export function assign(worker: Started, step: number, shards: number[], stepInEpoch = (step - 1) % 3): void {
  const batch = batchOf(DATA.train.count, worker.recipe.batchSize, stepInEpoch);
  worker.tell({ type: "assign", step, version: step - 1, epoch: 0, stepInEpoch, batch, shards, traced: false });
}
