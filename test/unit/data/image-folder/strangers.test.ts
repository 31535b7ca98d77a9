/** Folders as people and programs leave them: odd names, links, pipes, files that come and go. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ImageDecoder, LoadOptions } from "../../../../src/data/dataset.js";
import { loadDataset } from "../../../../src/data/datasets.js";
import { MAX_FILE_BYTES } from "../../../../src/data/image-file/inspect.js";
import { CnnDistError, UsageError } from "../../../../src/errors.js";
import { writeTree } from "../../../support/image-folder.js";
import { pngOf } from "../../../support/png.js";
import { temporaryDirectory } from "../../../support/temporary.js";

const png = (value: number, height = 1, width = 2) =>
  pngOf(new Uint8Array(height * width).fill(value), height, width, 1);
const TREE = { "cat/1.png": png(1), "cat/2.png": png(2), "dog/1.png": png(3), "dog/2.png": png(4) };

const folder = (context: TestContext, files: Readonly<Record<string, string | Buffer>> = {}) =>
  writeTree(temporaryDirectory(context), { ...TREE, ...files });
function load(context: TestContext, dataDir: string, options: LoadOptions["options"] = {}, decode?: ImageDecoder) {
  const cacheDir = temporaryDirectory(context);
  return loadDataset("image-folder", { dataDir, cacheDir, options, ...(decode ? { decode } : {}) });
}
const refuses = (loading: Promise<unknown>, message: RegExp) =>
  assert.rejects(loading, (error: unknown) => {
    assert.ok(error instanceof UsageError, String(error));
    assert.match(error.message, message);
    return true;
  });

test("names with spaces, of other scripts, with quotes, ends of lines and endings in capitals are names", async (context) => {
  const names = [
    "a b.png",
    "ñandú.PNG",
    "猫.Png",
    "q\"uote'.png",
    "end\nof line.png",
    "-rf.png",
    "x.jpg.png",
    "%20.png",
  ];
  const dir = folder(context, Object.fromEntries(names.map((name, at) => [`der Hund ☂/${name}`, png(at + 10)])));
  const paths: string[] = [];
  const decode: ImageDecoder = async (files, channels) => {
    paths.push(...files);
    return files.map(() => ({ pixels: new Uint8Array(2 * channels), height: 1, width: 2, channels }));
  };
  const data = await load(context, dir, { size: 1 }, decode);
  assert.deepEqual(data.classNames, ["cat", "der Hund ☂", "dog"]);
  assert.equal(data.train.count + data.test.count, 12);
  for (const { count, copyImages } of [data.train, data.test])
    await copyImages(
      Array.from({ length: count }, (_, at) => at),
      new Uint8Array(3 * count),
    );
  for (const path of paths) readFileSync(path);
  assert.equal(new Set(paths).size, 12);
});

test("what systems and programs leave is no image and no class", async (context) => {
  const dir = folder(context, {
    ".DS_Store": "x",
    "cat/.DS_Store": "x",
    "cat/._1.png": "x",
    "cat/Thumbs.db": "x",
    "desktop.ini": "x",
    ".ipynb_checkpoints/1.png": png(9),
    "dog/puppies/3.png": png(9),
    "dog/folder.png/3.png": png(9),
  });
  const data = await load(context, dir);
  assert.equal(data.train.count + data.test.count, 4);
  assert.deepEqual(data.classNames, ["cat", "dog"]);
  assert.match(data.warning!, /^1 file of other endings .* was left out; 2 folders inside of .* were not looked into$/);
});

test("names that cannot be printed are quoted, or refused where they are a class", async (context) => {
  const dir = folder(context, { "cat/\u001b[2J\n.png": "no image" });
  await refuses(load(context, dir), /cat\/\\u001b\[2J\\n\.png": it is neither JPEG nor PNG/);
  const data = await load(context, dir, { badImages: "skip" });
  assert.doesNotMatch(data.warning!, /\p{Cc}/u);
  await refuses(
    load(context, folder(context, { "a\nb/1.png": png(1) })),
    /the class "a\\nb" holds a control character/,
  );
  const bytes = folder(context);
  writeFileSync(Buffer.concat([Buffer.from(join(bytes, "cat/")), Buffer.of(0xe9), Buffer.from(".png")]), png(1));
  await refuses(load(context, bytes), /cat\/\ufffd\.png: the name is not UTF-8\. Rename it\./);
});

test("links to nothing, in circles, and what is no file are bad images, which may be skipped", async (context) => {
  const dir = folder(context);
  symlinkSync(join(dir, "nowhere.png"), join(dir, "cat/gone.png"));
  symlinkSync("circle.png", join(dir, "cat/circle.png"));
  execFileSync("mkfifo", [join(dir, "dog/pipe.png")]);
  symlinkSync(join(dir, "cat"), join(dir, "dog/cats.png"));
  symlinkSync("..", join(dir, "dog/up"));
  symlinkSync("circle", join(dir, "circle"));
  await refuses(load(context, dir), /^4 files cannot be used:\n.*circle\.png: it is a link that leads to itself\n/);
  await refuses(
    load(context, dir),
    /gone\.png: it does not exist .*\n.*cats\.png: it is not a file\n.*pipe\.png: it is not/,
  );
  const data = await load(context, dir, { badImages: "skip" });
  assert.equal(data.train.count + data.test.count, 4);
  assert.deepEqual(data.classNames, ["cat", "dog"]);
});

test("a file that is larger than any image is not read", async (context) => {
  const dir = folder(context, { "cat/large.png": png(1) });
  truncateSync(join(dir, "cat/large.png"), MAX_FILE_BYTES + 1);
  await refuses(load(context, dir), /large\.png: it has 268435457 bytes, more than 268435456/);
});

test("a folder too high, a file, and a link to a file instead of the folder", async (context) => {
  const dir = folder(context);
  const above = temporaryDirectory(context);
  for (const name of ["one", "two"]) {
    mkdirSync(join(above, name));
    symlinkSync(dir, join(above, name, "data"));
    mkdirSync(join(above, name, "more"));
  }
  await refuses(load(context, above), /one holds no .*file\. It holds folders: is --data-dir the folder above the one/);
  await refuses(load(context, join(dir, "cat/1.png")), /1\.png cannot be read: ENOTDIR/);
});

test("a file that vanishes while a run goes on is named, with what to do", async (context) => {
  const decode: ImageDecoder = async ([path]) => {
    throw new CnnDistError("image", `${path}: it does not exist.`);
  };
  const data = await load(context, folder(context), { size: 1 }, decode);
  await assert.rejects(
    async () => data.train.copyImages([0], new Uint8Array(3)),
    /cat\/\d\.png: it does not exist\. Replace it by a sound copy, or begin a new run without it\.$/,
  );
});

test("what an older version found of files is not used any more", async (context) => {
  const [dataDir, cacheDir] = [folder(context), temporaryDirectory(context)];
  const sum = async () => (await loadDataset("image-folder", { dataDir, cacheDir, options: {} })).sha256;
  const expected = await sum();
  const [name] = readdirSync(join(cacheDir, "datasets/image-folder"));
  const kept = join(cacheDir, "datasets/image-folder", name!);
  const [version, ...lines] = readFileSync(kept, "utf8").split("\n");
  const faulty = lines.map((line) => line.replace(/"fault":null/, '"fault":"it is a JPEG that was cut short"'));
  assert.notDeepEqual(faulty, lines);
  writeFileSync(kept, faulty.join("\n"));
  assert.equal(await sum(), expected);
  writeFileSync(kept, [version, ...faulty].join("\n"));
  await assert.rejects(sum(), /cut short/, "of this version it is used");
});

test("large images are decoded in small company, small ones in calls of sixteen", async (context) => {
  const sized = (width: number, height: number) => {
    const file = png(1);
    file.writeUInt32BE(width, 16);
    file.writeUInt32BE(height, 20);
    return file;
  };
  const large = Object.fromEntries([0, 1, 2, 3, 4].map((at) => [`cat/large${at}.png`, sized(6000, 5000)]));
  const small = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`dog/small${at}.png`, png(at)]));
  const calls: number[] = [];
  const decode: ImageDecoder = async (files, channels) => {
    calls.push(files.length);
    return files.map(() => ({ pixels: new Uint8Array(channels), height: 1, width: 1, channels }));
  };
  const data = await load(context, folder(context, { ...large, ...small }), { size: 1, testShare: 0.01 }, decode);
  const indices = (label: number) => [...data.train.labels].flatMap((each, at) => (each === label ? [at] : []));
  await data.train.copyImages(indices(1), new Uint8Array(3 * 41));
  assert.deepEqual(calls.splice(0), [16, 16, 9]);
  await data.train.copyImages(indices(0).slice(-4), new Uint8Array(3 * 4));
  assert.deepEqual(calls, [2, 2]);
});
