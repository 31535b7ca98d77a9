import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CIFAR10, CIFAR100, cifar } from "../../../src/data/cifar.js";
import { UsageError } from "../../../src/errors.js";
import { temporaryDirectory } from "../../support/temporary.js";

/** Five training images and two of test; two and one. */
const cifar10 = cifar({ ...CIFAR10, facts: { ...CIFAR10.facts, train: 5, test: 2 } });
const cifar100 = cifar({ ...CIFAR100, facts: { ...CIFAR100.facts, train: 2, test: 1 } });

/** Records whose three planes are filled with 3 l, 3 l + 1 and 3 l + 2; the first pixel of each plane is 200. */
function records(labels: readonly (readonly number[])[]): Buffer {
  return Buffer.concat(
    labels.flatMap((bytes) => {
      const planes = [0, 1, 2].map((channel) => {
        const plane = Buffer.alloc(1024, (3 * bytes.at(-1)! + channel) % 200);
        plane[0] = 200 + channel;
        return plane;
      });
      return [Buffer.from(bytes), ...planes];
    }),
  );
}
function cifar10Folder(context: TestContext): string {
  const dir = temporaryDirectory(context);
  for (let batch = 1; batch <= 5; batch++) writeFileSync(join(dir, `data_batch_${batch}.bin`), records([[batch]]));
  writeFileSync(join(dir, "test_batch.bin"), records([[9], [0]]));
  writeFileSync(join(dir, "batches.meta.txt"), "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
  return dir;
}
const load = (dataDir: string) => ({ dataDir, cacheDir: "/nowhere", options: {} });

test("cifar10: five batches in order, planes interleaved to pixels", async (context) => {
  const data = await cifar10.load(load(cifar10Folder(context)));
  assert.deepEqual([...data.train.labels], [1, 2, 3, 4, 5]);
  assert.deepEqual([...data.test.labels], [9, 0]);
  const pixels = new Uint8Array(3072);
  data.train.copyImages([2], pixels);
  assert.deepEqual([...pixels.subarray(0, 6)], [200, 201, 202, 9, 10, 11]);
  assert.deepEqual([...pixels.subarray(3069)], [9, 10, 11]);
  assert.deepEqual(data.classNames.slice(0, 2), ["a", "b"]);
});

test("cifar100: the fine label counts; the archive's own folder is found", async (context) => {
  const root = temporaryDirectory(context);
  const dir = join(root, "cifar-100-binary");
  mkdirSync(dir);
  writeFileSync(
    join(dir, "train.bin"),
    records([
      [3, 99],
      [4, 0],
    ]),
  );
  writeFileSync(join(dir, "test.bin"), records([[0, 42]]));
  assert.deepEqual(cifar100.find(load(root)), { where: dir, ready: true });
  const data = await cifar100.load(load(root));
  assert.deepEqual([...data.train.labels], [99, 0]);
  assert.equal(data.classNames[42], "class 42");
});

test("missing, truncated and foreign files are refused by name", async (context) => {
  const refuses = (dir: string, message: RegExp) =>
    assert.rejects(
      cifar10.load(load(dir)),
      (error: unknown) => error instanceof UsageError && message.test(error.message),
    );
  await refuses(temporaryDirectory(context), /cifar10 is not in .*data_batch_1\.bin.*cifar-10-binary\.tar\.gz/);
  await refuses("/nowhere", /cifar10 is not in \/nowhere: it does not exist\. Unpack /);
  const cut = cifar10Folder(context);
  await refuses(join(cut, "test_batch.bin"), /cifar10 is not in .*: it is a file, not a folder\. Unpack /);
  writeFileSync(join(cut, "data_batch_3.bin"), records([[1]]).subarray(1));
  await refuses(cut, /data_batch_3\.bin is truncated.*expected 3073 bytes \(1 records of 3073\), received 3072/);
  writeFileSync(join(cut, "data_batch_3.bin"), records([[1], [2]]));
  await refuses(cut, /data_batch_3\.bin is truncated or damaged: expected 3073 bytes .*, received 6146/);
  const foreign = cifar10Folder(context);
  writeFileSync(join(foreign, "test_batch.bin"), records([[10], [0]]));
  await refuses(foreign, /test_batch\.bin: label 0 is 10, expected 0 to 9/);
  assert.equal(cifar10.find({ cacheDir: "/nowhere" }).ready, false);
});
