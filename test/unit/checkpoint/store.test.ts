import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { loadCheckpoint } from "../../../src/checkpoint/load.js";
import { decodeSafetensors, encodeSafetensors } from "../../../src/checkpoint/safetensors.js";
import { CheckpointStore } from "../../../src/checkpoint/store.js";
import { CnnDistError, UsageError } from "../../../src/errors.js";
import { testRecipe } from "../../support/recipe.js";
import { testSnapshot } from "../../support/snapshot.js";
import { temporaryDirectory } from "../../support/temporary.js";

test("what is saved comes back, to the bit", async (context) => {
  const dir = temporaryDirectory(context);
  const vectors = testSnapshot();
  const ema = { weights: vectors.weights.map((value) => value / 2), state: vectors.state.map((value) => value / 3) };
  const residuals = [5, 6].map((seed) => vectors.weights.map((value) => Math.fround(value / seed)));
  const recipe = testRecipe({ ema: 0.9, compress: "topk:0.1", shards: 2 });
  const snapshot = testSnapshot({ recipe, ema, residuals });
  const { path, sizeBytes } = await new CheckpointStore(dir, 3).save(snapshot);
  const loaded = await new CheckpointStore(dir, 3).loadNewest();
  assert.equal(loaded.path, path);
  assert.deepEqual(loaded.passedOver, []);
  const { layout, ...rest } = snapshot;
  const { layout: back, ...others } = loaded.snapshot;
  assert.deepEqual(others, rest);
  assert.deepEqual([back.size, back.parameters, back.stateSize], [layout.size, layout.parameters, layout.stateSize]);
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

test("tensors of any name and of no elements come back; a name that the format needs, or a second one, is refused", () => {
  const tensors = ["__proto__", "constructor", "1", "0"].map((name, index) => ({
    name,
    shape: [index % 2, 2],
    data: Float32Array.from({ length: (index % 2) * 2 }, (_, at) => at + index),
  }));
  const sorted = (list: readonly { name: string }[]) => list.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const file = Buffer.concat(encodeSafetensors(tensors));
  assert.deepEqual(sorted(decodeSafetensors("file", file)), sorted(tensors));
  // Whatever address the file's bytes have.
  const shifted = new Uint8Array(file.byteLength + 3).subarray(3);
  shifted.set(file);
  assert.deepEqual(sorted(decodeSafetensors("file", shifted)), sorted(tensors));
  assert.throws(() => encodeSafetensors([{ ...tensors[1]!, name: "__metadata__" }]), /the name is the format's/);
  assert.throws(() => encodeSafetensors([tensors[0]!, tensors[0]!]), /the name is taken/);
});

test("safetensors whose header lies about its tensors are refused", () => {
  const file = (header: unknown, body: number) => {
    const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.byteLength));
    return Buffer.concat([length, json, Buffer.alloc(body)]);
  };
  const a = { dtype: "F32", shape: [1], data_offsets: [0, 4] };
  assert.equal(decodeSafetensors("file", file({ a }, 4)).length, 1);
  const huge = Buffer.alloc(16);
  huge.writeBigUInt64LE(2n ** 63n);
  for (const [bytes, why] of [
    [huge, /its header claims/],
    [file("[]", 0), /not a JSON object/],
    [file("{", 0), /not a JSON object/],
    [file({ a: null }, 4), /no usable shape/],
    [file({ a: { ...a, shape: [-1] } }, 4), /no usable shape/],
    [file({ a: { ...a, shape: [0.25] } }, 4), /no usable shape/],
    [file({ a: { ...a, data_offsets: [0, 4, 8] } }, 8), /no usable shape/],
    [file({ a: { ...a, shape: [2], dtype: "F16" } }, 4), /dtype F16; only F32/],
    [file({ a: { ...a, dtype: "F3" } }, 4), /dtype F3, which is not known/],
    [file({ a: { ...a, shape: [2] } }, 8), /lies at 0 to 4/],
    [file({ a, b: a }, 8), /tensor b .* lies at 0 to 4/],
    [file({ a: { ...a, data_offsets: [4, 8] } }, 8), /lies at 4 to 8/],
    [file({ a }, 3), /lies at 0 to 4 of 3 bytes/],
    [file({ a }, 8), /4 bytes belong to no tensor/],
    [file({ a: { ...a, shape: [2 ** 52, 2 ** 52, 2 ** 52] } }, 4), /lies at/],
  ] as const)
    assert.throws(() => decodeSafetensors("file", bytes), why);
});

test("the checkpoint just saved is kept, whatever was passed over when the run was resumed", async (context) => {
  const dir = temporaryDirectory(context);
  const store = new CheckpointStore(dir, 1);
  await store.save(testSnapshot({ step: 10, best: null }));
  const { path } = await new CheckpointStore(dir, 2).save(testSnapshot({ step: 20, best: null }));
  writeFileSync(join(path, "weights.safetensors"), "damaged");
  assert.equal((await store.loadNewest()).snapshot.step, 10);
  await store.save(testSnapshot({ step: 11, best: null }));
  const loaded = await store.loadNewest();
  assert.equal(loaded.snapshot.step, 11);
  assert.deepEqual(
    loaded.passedOver.map(({ reason }) => reason),
    ["weights.safetensors has 7 bytes, its manifest says 332"],
  );
  await store.save(testSnapshot({ step: 20, best: null }));
  assert.deepEqual(
    (await store.list()).map((each) => each.slice(-2)),
    ["20"],
  );
  assert.deepEqual((await store.loadNewest()).passedOver, []);
});

test("a step saved again replaces the first at no moment without either", async (context) => {
  const dir = temporaryDirectory(context);
  const store = new CheckpointStore(dir, 1);
  const { path } = await store.save(testSnapshot({ evaluated: false }));
  assert.equal((await store.save(testSnapshot({ evaluated: true }))).path, path);
  assert.deepEqual(readdirSync(join(dir, "checkpoints")), [path.split("/").at(-1)]);
  assert.equal((await store.loadNewest()).snapshot.evaluated, true);

  // Killed after the first stepped aside, the second still to get its name: the first stands.
  renameSync(path, `${path}.old`);
  mkdirSync(`${path}.tmp`); // as older versions called it
  mkdirSync(`${path}.0b6f-id.tmp`);
  const between = await store.loadNewest();
  assert.equal(between.path, path);
  assert.equal(between.snapshot.step, 12);
  await store.sweep();
  assert.deepEqual(readdirSync(join(dir, "checkpoints")), [path.split("/").at(-1)]);

  // Killed before the first was removed: the second stands.
  cpSync(path, `${path}.old`, { recursive: true });
  writeFileSync(join(`${path}.old`, "state.json"), "{}");
  assert.deepEqual((await store.loadNewest()).passedOver, []);
  await store.sweep();
  assert.deepEqual(readdirSync(join(dir, "checkpoints")), [path.split("/").at(-1)]);
});

test("only what the store itself left is swept", async (context) => {
  const dir = temporaryDirectory(context);
  const store = new CheckpointStore(dir, 1);
  await store.sweep(); // there is no folder yet
  await store.save(testSnapshot());
  for (const name of ["mine.tmp", "mine.old"]) writeFileSync(join(dir, "checkpoints", name), "");
  await store.sweep();
  assert.deepEqual(readdirSync(join(dir, "checkpoints")), ["mine.old", "mine.tmp", "step-00000012"]);
});

test("a folder without a valid checkpoint is a usage error that tells what is wrong with each", async (context) => {
  const dir = temporaryDirectory(context);
  const store = new CheckpointStore(dir, 2);
  const refused = (message: RegExp) =>
    assert.rejects(store.loadNewest(), (error: unknown) => {
      assert.ok(error instanceof UsageError);
      assert.equal(error.exitCode, 2);
      assert.match(error.message, message);
      return true;
    });
  await refused(/it holds none/);
  const first = await store.save(testSnapshot({ step: 1 }));
  const second = await store.save(testSnapshot({ step: 2 }));
  rmSync(join(first.path, "state.json"));
  rmSync(join(second.path, "manifest.json"));
  mkdirSync(join(second.path, "manifest.json"));
  await refused(
    /step-00000002: manifest\.json cannot be read: EISDIR.*step-00000001: state\.json cannot be read: ENOENT/,
  );
});
