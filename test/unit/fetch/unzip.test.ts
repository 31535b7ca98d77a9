import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { CnnDistError } from "../../../src/errors.js";
import { extractZip } from "../../../src/fetch/unzip.js";
import { temporaryDirectory } from "../../support/temporary.js";
import { type ZipEntry, zipOf } from "../../support/zip.js";

function put(context: TestContext, entries: readonly ZipEntry[], cut = 0) {
  const dir = temporaryDirectory(context);
  const file = join(dir, "some.whl");
  const bytes = zipOf(entries);
  writeFileSync(file, bytes.subarray(0, bytes.byteLength - cut));
  return { dir, file, target: join(dir, "deep", "target") };
}

const ALL = { wanted: () => true, maxBytes: 2 ** 21 };

test("the chosen entries, in their folders, executable where they were", async (context) => {
  const { file, target } = put(context, [
    { name: "a/", content: "" },
    { name: "a/lib.so", content: "library" },
    { name: "a/unwanted", content: "x" },
    { name: "bin/ptxas", content: "program", mode: 0o755 },
    { name: "bin/setuid", content: "program", mode: 0o6777 },
  ]);
  await extractZip(file, target, { ...ALL, wanted: (entry) => entry !== "a/unwanted" });
  const names = readdirSync(target, { recursive: true, encoding: "utf8" }).sort();
  assert.deepEqual(names, ["a", "a/lib.so", "bin", "bin/ptxas", "bin/setuid"]);
  assert.equal(readFileSync(join(target, "a/lib.so"), "utf8"), "library");
  const mode = (path: string) => statSync(join(target, path)).mode & 0o7100;
  assert.deepEqual([mode("a/lib.so"), mode("bin/ptxas"), mode("bin/setuid")], [0, 0o100, 0o100]);
});

test("nothing lands outside of the target", async (context) => {
  const outside = join(temporaryDirectory(context), "outside");
  for (const name of ["../outside", "a/../../outside", outside]) {
    const { dir, file, target } = put(context, [{ name, content: "x" }]);
    await assert.rejects(extractZip(file, target, ALL), /relative path|absolute path/, name);
    assert.deepEqual(readdirSync(dir), ["some.whl"]);
  }
});

test("a file that is cut off is an error", async (context) => {
  const { file, target } = put(context, [{ name: "a", content: "x".repeat(1000) }], 30);
  await assert.rejects(extractZip(file, target, ALL), /central directory/i);
});

test("an abort ends it", async (context) => {
  const { file, target } = put(context, [{ name: "a", content: Buffer.alloc(1 << 20) }]);
  const stopped = AbortSignal.abort(new Error("enough"));
  await assert.rejects(extractZip(file, target, { ...ALL, signal: stopped }), { name: "AbortError" });
});

test("wanted entries that unpack to more than they may are refused before they are written", async (context) => {
  const { dir, file, target } = put(context, [
    { name: "small", content: Buffer.alloc(600) },
    { name: "unwanted", content: Buffer.alloc(5000) },
    { name: "large", content: Buffer.alloc(600) },
  ]);
  const wanted = (entry: string) => entry !== "unwanted";
  await assert.rejects(
    extractZip(file, target, { wanted, maxBytes: 1000 }),
    (error: unknown) =>
      error instanceof CnnDistError &&
      error.code === "too-large" &&
      /some\.whl, unpacked: 1200 bytes received, at most 1000 expected/.test(error.message),
  );
  assert.deepEqual(readdirSync(target), ["small"]);
  await extractZip(file, join(dir, "other"), { wanted, maxBytes: 1200 });
});

test("an entry that is longer than it says is an error", async (context) => {
  const bomb = zipOf([{ name: "a", content: deflateRawSync(Buffer.alloc(1 << 20)) }]);
  for (const [start, method, size] of [
    [0, 8, 22],
    [bomb.indexOf("PK\x01\x02", 0, "latin1"), 10, 24],
  ] as const) {
    bomb.writeUInt16LE(8, start + method); // deflated …
    bomb.writeUInt32LE(100, start + size); // … and said to be 100 bytes long
  }
  const dir = temporaryDirectory(context);
  writeFileSync(join(dir, "bomb.whl"), bomb);
  await assert.rejects(extractZip(join(dir, "bomb.whl"), join(dir, "target"), ALL), /too many bytes in the stream/);
  assert.ok(statSync(join(dir, "target/a")).size <= 100);
});
