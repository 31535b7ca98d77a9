import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { MAX_FILE_BYTES } from "../../../../src/data/image-file/inspect.js";
import { readImageFile } from "../../../../src/data/image-file/read.js";

test("what is not a regular file of an image's size is refused before it is read", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "cnn-dist-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const pipe = join(dir, "pipe.png");
  execFileSync("mkfifo", [pipe]);
  for (const path of [pipe, dir, "/dev/zero"])
    await assert.rejects(readImageFile(path), {
      code: "image-file",
      message: `image ${path}: it is not a regular file`,
    });

  const path = join(dir, "a.png");
  await assert.rejects(readImageFile(path), { code: "image-file", message: `image ${path}: it does not exist` });
  writeFileSync(path, "bytes");
  assert.equal((await readImageFile(path)).toString(), "bytes");
  truncateSync(path, MAX_FILE_BYTES + 1);
  await assert.rejects(readImageFile(path), { code: "image-file", message: /bytes, more than/ });
});
