/** Runs that are stopped anywhere, saved to disk, loaded and gone on with. `npm run checkpoints` does it with processes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Snapshot } from "../../../src/checkpoint/snapshot.js";
import { CheckpointStore } from "../../../src/checkpoint/store.js";
import type { Layout } from "../../../src/parameters/layout.js";
import { bitsOf, fakeRun } from "../../support/fake-run.js";
import { temporaryDirectory } from "../../support/temporary.js";

/** Six shards a step in three batches, and a short batch at the end of each epoch. */
const RECIPE = { batchSize: 2, shards: 2, accumulate: 3, optimizer: "momentum", ema: 0.9, epochs: 2 } as const;

test("stopped after any number of gradients, mid-epoch and mid-accumulation, it goes on from disk to the same bits", async (context) => {
  const whole = fakeRun({ recipe: RECIPE });
  let gradients = 0;
  whole.worker({
    beforeSend({ type }) {
      if (type === "bucket") gradients++;
      return true;
    },
  });
  const expected = bitsOf((await whole.coordinator.run()).snapshot);
  const store = new CheckpointStore(temporaryDirectory(context), 2);
  context.after(() => store.close());
  const from = new Map<number, number>();
  for (let point = 1; point <= 50; point++) {
    const stopAt = Math.ceil((point * gradients) / 51);
    const run = fakeRun({ recipe: RECIPE });
    let seen = 0;
    run.worker({
      beforeSend({ type }) {
        if (type === "bucket" && ++seen === stopAt) run.coordinator.requestStop("test");
        return true;
      },
    });
    const { snapshot, kind } = await run.coordinator.run();
    assert.equal(kind, "stopped");
    from.set(snapshot.step, (from.get(snapshot.step) ?? 0) + 1);
    await store.save(snapshot);
    const loaded = relaid((await store.loadNewest()).snapshot, snapshot.layout);
    const goesOn = fakeRun({ recipe: RECIPE, start: loaded });
    goesOn.worker();
    assert.equal(bitsOf((await goesOn.coordinator.run()).snapshot), expected, `stopped at gradient ${stopAt}`);
  }
  assert.ok(from.size > 5, JSON.stringify([...from]));
});

/** With the buckets of the fake workers, which are smaller than a run's. */
function relaid(snapshot: Snapshot, layout: Layout): Snapshot {
  const vector = (from: Float32Array) => {
    const to = new Float32Array(layout.size);
    for (const [index, { offset, size }] of snapshot.layout.trainable.entries())
      to.set(from.subarray(offset, offset + size), layout.trainable[index]!.offset);
    return to;
  };
  const slots = Object.fromEntries(Object.entries(snapshot.slots).map(([name, values]) => [name, vector(values)]));
  const ema = snapshot.ema && { ...snapshot.ema, weights: vector(snapshot.ema.weights) };
  return { ...snapshot, layout, weights: vector(snapshot.weights), slots, ema };
}
