import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { encodeZip } from "../../../src/export/zip.js";
import { temporaryDirectory } from "../../support/temporary.js";
import { unzip } from "../../support/unzip.js";

test("an archive holds its files as they are, in order, whatever their pieces", async (context) => {
  const text = new TextEncoder();
  const path = join(temporaryDirectory(context), "archive.zip");
  const entries = [
    { name: "metadata.json", pieces: [text.encode("{"), text.encode("}")] },
    { name: "größe.bin", pieces: [Uint8Array.from({ length: 100_000 }, (_, index) => index % 251)] },
    { name: "empty", pieces: [] },
  ];
  writeFileSync(path, Buffer.concat(encodeZip(entries)));
  assert.deepEqual(
    await unzip(path),
    entries.map(({ name, pieces }) => [name, Buffer.concat(pieces)]),
  );
});

test("equal contents give equal archives", () => {
  const entries = [{ name: "a", pieces: [Uint8Array.of(1, 2, 3)] }];
  assert.deepEqual(Buffer.concat(encodeZip(entries)), Buffer.concat(encodeZip(entries)));
});
