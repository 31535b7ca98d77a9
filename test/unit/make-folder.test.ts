import assert from "node:assert/strict";
import { statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeFolder } from "../../src/make-folder.js";
import { temporaryDirectory } from "../support/temporary.js";

test("a folder is made with those above it, each with the mode, and one that is there is left as it is", (context) => {
  const dir = temporaryDirectory(context);
  makeFolder(join(dir, "a", "b", "c"), 0o700);
  for (const path of ["a", "a/b", "a/b/c"]) assert.equal(statSync(join(dir, path)).mode & 0o777, 0o700);
  makeFolder(join(dir, "a"), 0o755);
  assert.equal(statSync(join(dir, "a")).mode & 0o777, 0o700);
  symlinkSync(join(dir, "a"), join(dir, "link"));
  makeFolder(join(dir, "link", "d"));
  assert.ok(statSync(join(dir, "a", "d")).isDirectory());
});

test("where none can be made, the system's first error comes at once, with its path", (context) => {
  const dir = temporaryDirectory(context);
  writeFileSync(join(dir, "file"), "");
  symlinkSync(join(dir, "unmounted"), join(dir, "dangling"));
  for (const [path, code, at] of [
    ["/proc/cnn-dist/run", "ENOENT", "/proc/cnn-dist"],
    [join(dir, "file", "run", "logs"), "EEXIST", join(dir, "file")],
    [join(dir, "dangling", "run"), "EEXIST", join(dir, "dangling")],
  ] as const)
    assert.throws(() => makeFolder(path), { code, path: at });
});
