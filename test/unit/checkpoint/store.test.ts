import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { decodeSafetensors, encodeSafetensors } from "../../../src/checkpoint/safetensors.js";
import { CheckpointStore, loadCheckpoint } from "../../../src/checkpoint/store.js";
import { CnnDistError } from "../../../src/errors.js";
import { testSnapshot } from "../../support/snapshot.js";
import { temporaryDirectory } from "../../support/temporary.js";

test("what is saved comes back, to the bit", async (context) => {
  const dir = temporaryDirectory(context);
  const snapshot = testSnapshot();
  const { path, sizeBytes } = await new CheckpointStore(dir, 3).save(snapshot);
  const loaded = await new CheckpointStore(dir, 3).loadNewest();
  assert.equal(loaded.path, path);
  assert.deepEqual(loaded.passedOver, []);
  const { layout, ...rest } = snapshot;
  const { layout: back, ...others } = loaded.snapshot;
  assert.deepEqual(others, rest);
  assert.deepEqual(
    back.buckets.map(({ offset, size }) => [offset, size]).at(-1)![0]! + back.buckets.at(-1)!.size,
    layout.size,
  );
  assert.equal(
    sizeBytes,
    readdirSync(path).reduce((sum, name) => sum + readFileSync(join(path, name)).byteLength, 0),
  );
});

test("the newest are kept, and the best", async (context) => {
  const store = new CheckpointStore(temporaryDirectory(context), 2);
  for (const step of [1, 9, 10, 11, 12])
    await store.save(testSnapshot({ step, best: { accuracy: 0.5, loss: 1, epoch: 0, step: Math.min(step, 9) } }));
  assert.deepEqual(
    (await store.list()).map((path) => path.slice(-2)),
    ["09", "11", "12"],
  );
});

test("wherever writing was cut off, the one before is loaded and the rest is swept", async (context) => {
  const dir = temporaryDirectory(context);
  const store = new CheckpointStore(dir, 5);
  await store.save(testSnapshot({ step: 1 }));
  const { path } = await store.save(testSnapshot({ step: 2 }));
  const whole = join(dir, "whole");
  cpSync(path, whole, { recursive: true });
  const order = ["weights.safetensors", "optimizer.safetensors", "state.json", "manifest.json"];
  for (let written = 0; written < order.length; written++) {
    for (const name of [`${path}.tmp`, path]) {
      rmSync(path, { recursive: true, force: true });
      mkdirSync(name, { recursive: true });
      for (const file of order.slice(0, written)) cpSync(join(whole, file), join(name, file));
      const { snapshot, passedOver } = await store.loadNewest();
      assert.equal(snapshot.step, 1);
      assert.equal(passedOver.length, name === path ? 1 : 0);
      await store.sweep();
      assert.ok(!existsSync(`${path}.tmp`));
    }
  }
});

test("one changed byte anywhere is never taken for a checkpoint", async (context) => {
  const dir = temporaryDirectory(context);
  const { path } = await new CheckpointStore(dir, 1).save(testSnapshot());
  for (const name of readdirSync(path)) {
    const intact = readFileSync(join(path, name));
    await fc.assert(
      fc.asyncProperty(fc.nat(intact.byteLength - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const damaged = Buffer.from(intact);
        damaged[at] = damaged[at]! ^ change;
        writeFileSync(join(path, name), damaged);
        // White space of the manifest is the one thing that no hash holds.
        if (name === "manifest.json" && JSON.stringify(parse(damaged)) === JSON.stringify(parse(intact))) return;
        await assert.rejects(loadCheckpoint(path), CnnDistError);
      }),
      { numRuns: 40 },
    );
    writeFileSync(join(path, name), intact);
  }
  await loadCheckpoint(path);
});

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

test("safetensors: what goes in comes out, and cut or arbitrary bytes are refused with a CnnDistError", () => {
  const tensor = fc.record({
    name: fc.string({ minLength: 1, maxLength: 8 }).filter((name) => name !== "__metadata__" && name !== "__proto__"),
    data: fc.float32Array({ minLength: 1, maxLength: 9, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 5 }), fc.nat(400), (tensors, cut) => {
      const given = tensors.map(({ name, data }) => ({ name, shape: [data.length], data }));
      const file = Buffer.concat(encodeSafetensors(given));
      const byName = (list: readonly { name: string }[]) => list.toSorted((a, b) => (a.name < b.name ? -1 : 1));
      assert.deepEqual(byName(decodeSafetensors("file", file)), byName(given));
      assert.equal((8 + Number(file.readBigUInt64LE(0))) % 64, 0);
      if (cut < file.byteLength) assert.throws(() => decodeSafetensors("file", file.subarray(0, cut)), CnnDistError);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeSafetensors("file", bytes);
      } catch (error) {
        assert.ok(error instanceof CnnDistError);
      }
    }),
  );
});
