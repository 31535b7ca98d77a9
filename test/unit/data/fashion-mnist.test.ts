import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { LoadOptions } from "../../../src/data/dataset.js";
import { findFashionMnist, loadFashionMnist, PLACES, SUBSET_SHA256 } from "../../../src/data/fashion-mnist.js";
import { CnnDistError, UsageError } from "../../../src/errors.js";
import { idxBytes, idxFile } from "../../support/idx.js";
import { temporaryDirectory } from "../../support/temporary.js";

/** Four files of 3 training and 2 test images; any of them replaced. */
function folder(context: TestContext, changes: Record<string, Buffer> = {}): string {
  const dir = temporaryDirectory(context);
  const files: Record<string, Buffer> = {
    "train-images-idx3-ubyte.gz": idxFile(
      [3, 28, 28],
      Uint8Array.from({ length: 3 * 784 }, (_, at) => at % 251),
    ),
    "train-labels-idx1-ubyte.gz": idxFile([3], Uint8Array.of(1, 9, 0)),
    "t10k-images-idx3-ubyte.gz": idxFile([2, 28, 28], new Uint8Array(2 * 784).fill(5)),
    "t10k-labels-idx1-ubyte.gz": idxFile([2], Uint8Array.of(2, 3)),
    ...changes,
  };
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(dir, name), bytes);
  return dir;
}
const load = (dataDir: string, more: Partial<LoadOptions> = {}) =>
  loadFashionMnist({ dataDir, cacheDir: "/nowhere", options: {}, ...more });
const refusal = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof UsageError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, message);
  return true;
};

test("--data-dir: images and labels as the files have them", async (context) => {
  const data = await load(folder(context));
  assert.deepEqual([data.train.count, data.test.count], [3, 2]);
  assert.deepEqual([...data.train.labels], [1, 9, 0]);
  const pixels = new Uint8Array(2 * 784);
  data.train.copyImages([2, 0], pixels);
  assert.deepEqual(
    [...pixels],
    Array.from({ length: 2 * 784 }, (_, at) => (at < 784 ? (2 * 784 + at) % 251 : (at - 784) % 251)),
  );
  assert.equal(data.warning, undefined);
  assert.deepEqual(data.shape, [28, 28, 1]);
});

test("the fingerprint holds pixels and labels of both splits", async (context) => {
  const original = (await load(folder(context))).sha256;
  assert.equal((await load(folder(context))).sha256, original);
  const pixels = new Uint8Array(2 * 784).fill(5);
  pixels[783] = 6;
  for (const changes of [
    { "t10k-images-idx3-ubyte.gz": idxFile([2, 28, 28], pixels) },
    { "train-labels-idx1-ubyte.gz": idxFile([3], Uint8Array.of(1, 9, 1)) },
  ]) {
    assert.notEqual((await load(folder(context, changes))).sha256, original);
  }
});

test("files may lie unpacked", async (context) => {
  const dir = temporaryDirectory(context);
  for (const [prefix, count] of [
    ["train", 3],
    ["t10k", 2],
  ] as const) {
    writeFileSync(join(dir, `${prefix}-images-idx3-ubyte`), idxBytes([count, 28, 28], new Uint8Array(count * 784)));
    writeFileSync(join(dir, `${prefix}-labels-idx1-ubyte`), idxBytes([count], new Uint8Array(count)));
  }
  assert.equal((await load(dir)).train.count, 3);
});

test("damaged files are refused by name, with what was expected and received", async (context) => {
  const refuses = (changes: Record<string, Buffer>, message: RegExp) =>
    assert.rejects(load(folder(context, changes)), refusal("data-damaged", message));
  const images = "train-images-idx3-ubyte.gz";
  const labels = "train-labels-idx1-ubyte.gz";
  await refuses({ [images]: idxFile([3, 28, 28], new Uint8Array(784)) }, /train-images.*= 2352 bytes.*784 follow/);
  await refuses({ [images]: idxFile([3, 32, 32], new Uint8Array(3072)) }, /train-images.*28x28, received 32x32/);
  await refuses({ [images]: idxFile([0, 28, 28], new Uint8Array(0)) }, /train-images.* holds no images/);
  await refuses({ [labels]: idxFile([2], new Uint8Array(2)) }, /train-images.*3 images and 2 labels/);
  await refuses({ [labels]: idxFile([3], Uint8Array.of(1, 10, 2)) }, /label 1 is 10, expected 0 to 9/);
  await refuses({ [labels]: idxFile([3, 1], new Uint8Array(3)) }, /train-labels.*magic number is 0x00000802/);
});

test("a --data-dir that is missing, empty or unreadable is an error, whatever else is on the machine", async (context) => {
  const dir = temporaryDirectory(context);
  await assert.rejects(load(join(dir, "none")), refusal("data-dir", /none cannot be read.*does not exist/));
  writeFileSync(join(dir, "file.gz"), "");
  await assert.rejects(load(join(dir, "file.gz")), refusal("data-dir", /file\.gz cannot be read .*it is a file, not/));
  await assert.rejects(load(join(dir, "file.gz/x")), refusal("data-dir", /ENOTDIR/));
  await assert.rejects(load(dir), refusal("data-dir", /it lacks train-images-idx3-ubyte\.gz, /));
  const odd = folder(context);
  mkdirSync(join(odd, "t10k-labels-idx1-ubyte"));
  assert.equal((await load(odd)).test.count, 2); // the packed file comes first
  const directory = temporaryDirectory(context);
  for (const name of ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"])
    mkdirSync(join(directory, `${name}-ubyte.gz`));
  await assert.rejects(load(directory), refusal("data-unreadable", /ubyte\.gz cannot be read: EISDIR/));
});

test("the carried subset: 800 and 200 images a class, and its fingerprint chooses it", async () => {
  const data = await loadFashionMnist({ cacheDir: "/nowhere", options: {}, sha256: SUBSET_SHA256 });
  assert.equal(data.sha256, SUBSET_SHA256);
  assert.match(data.warning ?? "", /8,000 training and 2,000 test images/);
  for (const [split, each] of [
    [data.train, 800],
    [data.test, 200],
  ] as const) {
    const counts = new Array<number>(10).fill(0);
    for (const label of split.labels) counts[label]!++;
    assert.deepEqual(counts, new Array(10).fill(each));
  }
});

test("places are taken in order: Debian's folder, the cache, a download", async (context) => {
  const cacheDir = temporaryDirectory(context);
  const debian = folder(context);
  assert.deepEqual(findFashionMnist({ cacheDir }, { ...PLACES, debian }), { where: debian, ready: true });
  const absent = { ...PLACES, debian: "/nowhere" };
  assert.equal(findFashionMnist({ cacheDir }, absent).ready, false);
  const cached = join(cacheDir, "datasets", "fashion-mnist");
  mkdirSync(cached, { recursive: true });
  for (const name of ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"])
    writeFileSync(
      join(cached, `${name}-ubyte`),
      name.includes("images") ? idxBytes([1, 28, 28], new Uint8Array(784)) : idxBytes([1], new Uint8Array(1)),
    );
  assert.deepEqual(findFashionMnist({ cacheDir }, absent), { where: cached, ready: true });
  assert.equal((await loadFashionMnist({ cacheDir, options: {} }, absent)).source, cached);
  assert.throws(() => findFashionMnist({ cacheDir, dataDir: cacheDir }, absent), CnnDistError);
});
