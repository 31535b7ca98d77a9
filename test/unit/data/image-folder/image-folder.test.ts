import assert from "node:assert/strict";
import { readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ImageDecoder, LoadOptions } from "../../../../src/data/dataset.js";
import { datasetFacts, findDataset, loadDataset } from "../../../../src/data/datasets.js";
import { CnnDistError, EXIT, UsageError } from "../../../../src/errors.js";
import { fixturePath } from "../../../support/fixtures.js";
import { writeTree } from "../../../support/image-folder.js";
import { pngOf } from "../../../support/png.js";
import { temporaryDirectory } from "../../../support/temporary.js";

/** A gray image of two pixels. */
const png = (value: number) => pngOf(Uint8Array.of(value, value + 1), 1, 2, 1);
const JPEG = readFileSync(fixturePath("images/gradient.jpg"));

const TREE = {
  "train/cat/b.png": png(20),
  "train/cat/a.JPG": JPEG,
  "train/dog/1.png": png(40),
  "val/dog/2.jpeg": JPEG,
  "test/unlabelled.jpg": JPEG,
  ".cache/cat/x.png": "hidden",
};
const FLAT = Object.fromEntries(
  ["cat", "dog"].flatMap((name, label) =>
    Array.from({ length: 10 }, (_, at) => [`${name}/${at}.png`, png(10 * at + label)]),
  ),
);

/** Where no cache can be made, not even by root. */
const NO_CACHE = "/dev/null/cache";

function load(dataDir: string, options: LoadOptions["options"] = {}, more: Partial<LoadOptions> = {}) {
  return loadDataset("image-folder", { dataDir, cacheDir: NO_CACHE, options, ...more });
}
const folder = (context: TestContext, files: Readonly<Record<string, string | Buffer>>) =>
  writeTree(temporaryDirectory(context), files);
const refuses = (loading: Promise<unknown>, message: RegExp) =>
  assert.rejects(loading, (error: unknown) => {
    assert.ok(error instanceof UsageError, String(error));
    assert.equal(error.exitCode, EXIT.usage);
    assert.match(error.message, message);
    return true;
  });

test("train and val: classes by name, images class by class, nothing decoded", async (context) => {
  const data = await load(folder(context, TREE), { size: 8, channels: 1 });
  assert.deepEqual(data.classNames, ["cat", "dog"]);
  assert.deepEqual(data.shape, [8, 8, 1]);
  assert.deepEqual([...data.train.labels], [0, 0, 1]);
  assert.deepEqual([...data.test.labels], [1]);
  assert.match(data.source, /\(train and val\)$/);
  assert.equal(data.warning, undefined);
  await assert.rejects(async () => data.train.copyImages([0], new Uint8Array(64)), /nothing decodes images/);
});

test("images are decoded side by side, each into its place, and resized into the square", async (context) => {
  const sizes: number[] = [];
  const decode: ImageDecoder = async (paths, channels) => {
    const files = paths.map((path) => readFileSync(path).byteLength);
    sizes.push(...files);
    await new Promise((resolve) => setTimeout(resolve, files[0]! % 7));
    return files.map((bytes) => {
      return { pixels: new Uint8Array(12 * channels).fill(bytes % 251), height: 3, width: 4, channels };
    });
  };
  const data = await load(folder(context, TREE), { size: 2 }, { decode });
  const pixels = new Uint8Array(3 * 12);
  await data.train.copyImages([2, 0, 1], pixels);
  const [cat, dog] = [png(20).byteLength, png(40).byteLength];
  assert.deepEqual(
    [0, 12, 24].map((at) => pixels[at]),
    [dog, JPEG.byteLength, cat].map((bytes) => bytes % 251),
  );
  assert.equal(sizes.length, 3);
});

test("a file that does not decode is named", async (context) => {
  const dir = folder(context, TREE);
  const decode: ImageDecoder = async ([path]) => {
    throw new CnnDistError("image", `${path}: the JPEG cannot be decoded`);
  };
  const data = await load(dir, {}, { decode });
  await assert.rejects(
    async () => data.test.copyImages([0], new Uint8Array(256 * 256 * 3)),
    (error: unknown) =>
      error instanceof CnnDistError && /val\/dog\/2\.jpeg: the JPEG cannot be decoded\. Replace/.test(error.message),
  );
});

test("one folder: a share of each class is set aside, always the same one", async (context) => {
  const dir = folder(context, FLAT);
  const [one, other] = [await load(dir), await load(folder(context, FLAT))];
  assert.deepEqual([one.train.count, one.test.count], [16, 4]);
  assert.deepEqual([...one.test.labels], [0, 0, 1, 1]);
  assert.equal(one.sha256, other.sha256);
  const half = await load(dir, { testShare: 0.5 });
  assert.deepEqual([half.train.count, half.test.count], [10, 10]);
  assert.notEqual(half.sha256, one.sha256);
  await refuses(load(folder(context, TREE), { testShare: 0.5 }), /testShare: .* has a test set of its own, in "val"/);
});

test("the fingerprint holds sizes, names, classes and bytes", async (context) => {
  const original = (await load(folder(context, TREE))).sha256;
  const of = async (changes: Record<string, Buffer>, options = {}) =>
    (await load(folder(context, { ...TREE, ...changes }), options)).sha256;
  assert.equal(await of({}), original);
  assert.notEqual(await of({}, { size: 255 }), original);
  assert.notEqual(await of({ "train/cat/b.png": png(21) }), original);
  assert.notEqual(await of({ "train/cat/c.png": png(20) }), original);
  assert.notEqual(await of({ "train/eel/c.png": png(20) }), original);
});

test("checking says how far it is, and can be stopped", async (context) => {
  const dir = folder(context, TREE);
  const told: object[] = [];
  await load(dir, {}, { onProgress: (progress) => told.push(progress) });
  assert.deepEqual(told, [{ what: "checking images", received: 4, total: 4, unit: "files" }]);
  const signal = AbortSignal.abort(new Error("stopped by hand"));
  await assert.rejects(load(dir, {}, { signal }), /stopped by hand/);
});

test("files are read again only when size or time changed", async (context) => {
  const [dir, cacheDir] = [folder(context, TREE), temporaryDirectory(context)];
  const sum = async () => (await load(dir, {}, { cacheDir })).sha256;
  const file = join(dir, "train/cat/b.png");
  const time = new Date(1_700_000_000_000);
  utimesSync(file, time, time);
  const original = await sum();
  writeFileSync(file, png(77));
  utimesSync(file, time, time);
  assert.equal(await sum(), original); // as was promised, it was not looked into
  utimesSync(file, time, new Date(time.getTime() + 1000));
  const changed = await sum();
  assert.notEqual(changed, original);
  const [name] = readdirSync(join(cacheDir, "datasets/image-folder"));
  writeFileSync(join(cacheDir, "datasets/image-folder", name!), "damaged\n");
  assert.equal(await sum(), changed);
});

test("files that are no whole images are named, or skipped, counted and named", async (context) => {
  const dir = folder(context, {
    ...TREE,
    "train/cat/c.jpg": JPEG.subarray(0, JPEG.byteLength - 20),
    "train/dog/2.png": png(50).subarray(0, -12),
    "train/dog/3.jpg": "<html>not found</html>",
    "train/dog/4.jpg": "",
    "train/dog/5.jpg": JPEG.subarray(0, 100),
    "train/dog/readme.txt": "other",
  });
  await refuses(load(dir), /^5 files cannot be used:\n.*train\/cat\/c\.jpg: it is a JPEG that was cut short\n/);
  await refuses(
    load(dir),
    /2\.png: it is a PNG that was cut short\n.*3\.jpg: it is neither .*3c 68 74 6d\)\n.*4\.jpg: it is/,
  );
  await refuses(load(dir), /5\.jpg: it is a JPEG without image data\nReplace or remove them, or .*badImages=skip/);
  const data = await load(dir, { badImages: "skip" });
  assert.equal(data.train.count, 3);
  assert.match(data.warning!, /^5 bad images were skipped: train\/cat\/c\.jpg \(it is a JPEG that was cut short\), /);
  assert.match(data.warning!, /; 1 file of other endings than \.jpg and \.png was left out$/);
  assert.equal((await load(folder(context, TREE))).sha256, data.sha256);
});

test("a JPEG with a preview inside, or with something behind it, is whole", async (context) => {
  const segment = Buffer.alloc(4);
  segment.writeUInt16BE(0xffe1); // APP1
  segment.writeUInt16BE(2 + JPEG.byteLength, 2);
  const preview = Buffer.concat([JPEG.subarray(0, 2), segment, JPEG, JPEG.subarray(2)]);
  const dir = folder(context, { ...TREE, "train/cat/c.jpg": preview, "train/cat/d.jpg": Buffer.concat([JPEG, JPEG]) });
  assert.equal((await load(dir)).train.count, 5);
  const cut = folder(context, { ...TREE, "train/cat/c.jpg": preview.subarray(0, -10) });
  await refuses(load(cut), /1 file cannot be used:\n.*c\.jpg: it is a JPEG that was cut short/);
});

test("folders of another form are refused, with what was expected", async (context) => {
  await refuses(loadDataset("image-folder", { cacheDir: NO_CACHE, options: {} }), /needs --data-dir DIR/);
  await refuses(load("/nowhere"), /--data-dir: \/nowhere cannot be read: ENOENT/);
  await refuses(load(folder(context, { "a.png": png(1) })), /a folder for each class, at least two, received none/);
  await refuses(load(folder(context, { "cat/a.png": png(1) })), /at least two, received "cat" alone/);
  await refuses(load(folder(context, { "cat/a.png": png(1), "dog/a.gif": "" })), /dog holds no \.jpg, \.jpeg or \.png/);
  await refuses(load(folder(context, { "train/a/1.png": png(1), "train/b/1.png": png(1) })), /none in "val" or "test"/);
  const foreign = { ...TREE, "val/eel/1.png": png(1) };
  await refuses(load(folder(context, foreign)), /val\/eel is a class that .*train does not have/);
  const alone = { "cat/a.png": "broken", "dog/a.png": png(1), "dog/b.png": png(2) };
  await refuses(load(folder(context, alone), { badImages: "skip" }), /no image of the class "cat" is left/);
});

test("nothing to evaluate on is refused before anything starts, with what was found and what to do", async (context) => {
  const single = folder(context, { "cat/a.png": png(1), "dog/a.png": png(2), "eel/a.png": png(3) });
  for (const options of [{}, { testShare: 0.9 }])
    await refuses(
      load(single, options),
      /each of the 3 classes in .* has one usable image, .*nothing is left to evaluate on\. Give .*train and .*val, each/,
    );
  const skipped = { "cat/a.png": png(1), "cat/b.png": "", "dog/a.png": png(2), "dog/b.png": "" };
  await refuses(load(folder(context, skipped), { badImages: "skip" }), /2 classes .* has one usable image/);
  const bad = folder(context, { ...TREE, "val/dog/2.jpeg": "" });
  await refuses(
    load(bad, { badImages: "skip" }),
    /every image in .*val is damaged and was skipped \(1 in all\), so nothing is left to evaluate on/,
  );
  const enough = folder(context, { "cat/a.png": png(1), "cat/b.png": png(2), "dog/a.png": png(3) });
  assert.deepEqual([(await load(enough)).test.count], [1]);
});

test("linked folders and files count as what they are", async (context) => {
  const [dir, elsewhere] = [folder(context, TREE), folder(context, { "eel/1.png": png(9) })];
  symlinkSync(join(elsewhere, "eel"), join(dir, "train/eel"));
  symlinkSync(join(elsewhere, "eel/1.png"), join(dir, "train/dog/link.png"));
  const data = await load(dir);
  assert.deepEqual([...data.train.labels], [0, 0, 1, 1, 2]);
});

test("facts and options: what is not known before the folder is read is null", () => {
  const facts = datasetFacts("image-folder", { size: 64, channels: 1 });
  assert.deepEqual([facts.shape, facts.classes, facts.train, facts.test], [[64, 64, 1], null, null, null]);
  assert.deepEqual(findDataset("image-folder", { cacheDir: "/nowhere" }).ready, false);
  assert.deepEqual(findDataset("image-folder", { cacheDir: "/nowhere", dataDir: "/tmp" }), {
    where: "/tmp",
    ready: true,
  });
  for (const [options, message] of [
    [{ side: 3 }, /no option "side"; it has size, channels, badImages, testShare/],
    [{ size: 0 }, /option size: expected a whole number from 1 to 4096, received 0/],
    [{ channels: 4 }, /option channels: expected 3 or 1, received 4/],
    [{ badImages: true }, /option badImages: expected refuse or skip, received true/],
    [{ testShare: 1 }, /option testShare: expected a number between 0 and 1, received 1/],
  ] as const)
    assert.throws(() => datasetFacts("image-folder", options), message);
});
