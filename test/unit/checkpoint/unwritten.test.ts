/** Disks and file servers that fail as a checkpoint is written. */
import assert from "node:assert/strict";
import fs, { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { perform } from "../../../src/checkpoint/file-writer-thread.js";
import { CheckpointStore } from "../../../src/checkpoint/store.js";
import { refusing, systemError, withCalls } from "../../support/failing-calls.js";
import { testSnapshot } from "../../support/snapshot.js";
import { temporaryDirectory } from "../../support/temporary.js";

/** A store with a checkpoint of step 1, which is to stand whatever happens to the next one. */
async function begun(context: TestContext) {
  const dir = temporaryDirectory(context);
  const store = new CheckpointStore(dir, 1);
  await store.save(testSnapshot({ step: 1, best: null }));
  const fails = async (
    code: string,
    message: RegExp,
    { step = 2, calls = {} }: { step?: number; calls?: Parameters<typeof withCalls>[1] } = {},
  ) => {
    const next = testSnapshot({ step, evaluated: true, best: null });
    await withCalls(fs.promises, calls, () => assert.rejects(store.save(next), { code, message }));
    const { snapshot, passedOver } = await store.loadNewest();
    assert.deepEqual([snapshot.step, snapshot.evaluated, passedOver], [1, false, []]);
  };
  return { dir, store, fails };
}

test("each cause says where, that older checkpoints stand, and what to do; a later save finds all in order", async (context) => {
  const { dir, store, fails } = await begun(context);
  for (const [error, code, message] of [
    ["ENOSPC", "disk-full", /step-00000002: no space is left on the device\. Older .* untouched\. Free some space/],
    ["EDQUOT", "disk-full", /no space is left/],
    ["EROFS", "checkpoint", /EROFS.*Make the folder writable/],
    ["EACCES", "checkpoint", /EACCES.*Make the folder writable/],
    ["ESTALE", "checkpoint", /ESTALE.*Look at the disk, or at the file server/],
    ["EIO", "checkpoint", /EIO.*file server/],
  ] as const)
    for (const call of ["mkdir", "rename", "open"]) await fails(code, message, { calls: { [call]: refusing(error) } });
  // Of the same step as one that is there, which steps aside for it: it comes back.
  let renames = 0;
  const second = (original: (...parameters: unknown[]) => unknown) =>
    function (this: unknown, ...parameters: unknown[]) {
      if (++renames === 2) throw systemError("EIO");
      return original.apply(this, parameters);
    };
  await fails("checkpoint", /EIO/, { step: 1, calls: { rename: second } });
  assert.ok(renames > 2);
  await store.save(testSnapshot({ step: 3, best: null }));
  assert.deepEqual(readdirSync(join(dir, "checkpoints")), ["step-00000003"]);
});

test("a folder that is gone is not made anew; one whose checkpoints alone are gone is", async (context) => {
  const { dir, store } = await begun(context);
  rmSync(join(dir, "checkpoints"), { recursive: true });
  await store.save(testSnapshot({ step: 2, best: null }));
  renameSync(dir, `${dir}-elsewhere`);
  context.after(() => rmSync(`${dir}-elsewhere`, { recursive: true }));
  await assert.rejects(store.save(testSnapshot({ step: 3 })), /ENOENT.*Put the folder back where it was/);
  assert.ok(!existsSync(dir));
  writeFileSync(dir, "a file in its place");
  await assert.rejects(store.save(testSnapshot({ step: 3 })), { code: "checkpoint", message: /ENOTDIR/ });
  rmSync(dir);
  renameSync(`${dir}-elsewhere`, dir);
  mkdirSync(`${dir}-elsewhere`);
  await store.save(testSnapshot({ step: 3, best: null }));
  assert.equal((await store.loadNewest()).snapshot.step, 3);
});

test("a file server that says of a rename which it made that it failed is not believed", async (context) => {
  const { store } = await begun(context);
  const lying = (original: (...parameters: unknown[]) => unknown) =>
    async function (this: unknown, ...parameters: unknown[]) {
      await original.apply(this, parameters);
      if (!String(parameters[0]).endsWith(".old") && !String(parameters[1]).endsWith(".old"))
        throw systemError("ENOENT");
    };
  await withCalls(fs.promises, { rename: lying }, async () => {
    await store.save(testSnapshot({ step: 1, evaluated: true, best: null }));
    await store.save(testSnapshot({ step: 2, best: null }));
  });
  assert.equal((await store.loadNewest()).snapshot.step, 2);
});

test("a file system that cannot sync a folder is one to save to; one that cannot sync a file is not", async (context) => {
  const { dir, store, fails } = await begun(context);
  const handle = await fs.promises.open(dir, "r");
  const prototype = Object.getPrototypeOf(handle) as { sync: () => Promise<void> };
  await handle.close();
  const { sync } = prototype;
  context.after(() => Object.assign(prototype, { sync }));
  const failing = (code: string, ofFolders: boolean) =>
    async function (this: fs.promises.FileHandle) {
      if ((await this.stat()).isDirectory() === ofFolders) throw systemError(code);
      return sync.call(this);
    };
  prototype.sync = failing("EIO", true);
  await fails("checkpoint", /EIO/);
  prototype.sync = failing("EINVAL", false);
  await fails("checkpoint", /EINVAL/);
  prototype.sync = failing("EINVAL", true);
  await store.save(testSnapshot({ step: 2, best: null }));
  assert.equal((await store.loadNewest()).snapshot.step, 2);
});

test("the thread tells of every call that fails, the last one included, and gives the bytes back", async (context) => {
  const dir = temporaryDirectory(context);
  const job = () => ({
    image: Uint8Array.of(1, 2, 3, 4).buffer,
    parts: [
      { path: join(dir, "a"), start: 0, end: 1 },
      { path: join(dir, "b"), start: 1, end: 4 },
    ],
  });
  for (const [call, code] of [
    ["openSync", "EACCES"],
    ["writeSync", "ENOSPC"],
    ["fsyncSync", "EIO"],
    ["closeSync", "ESTALE"],
  ] as const)
    await withCalls(fs, { [call]: refusing(code) }, () => {
      const answer = perform(job());
      assert.deepEqual([answer.error?.code, answer.written, answer.image.byteLength], [code, [], 4]);
    });
  // The system may take less at once than it is given.
  const slowly = (original: (...parameters: unknown[]) => unknown) =>
    function (this: unknown, file: unknown, bytes: unknown, from: unknown) {
      return original.call(this, file, bytes, from, 1);
    };
  await withCalls(fs, { writeSync: slowly }, () => {
    const { written, error } = perform(job());
    assert.equal(error, null);
    assert.deepEqual(
      written.map(({ bytes }) => bytes),
      [1, 3],
    );
  });
  assert.deepEqual([...fs.readFileSync(join(dir, "b"))], [2, 3, 4]);
});
