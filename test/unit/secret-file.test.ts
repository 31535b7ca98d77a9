import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readGuarded } from "../../src/secret-file.js";
import { temporaryDirectory } from "../support/temporary.js";

test("a secret is read from a file of mode 0600 alone, over links too; a list may be read by others", (context) => {
  const dir = temporaryDirectory(context);
  const file = join(dir, "secret");
  const link = join(dir, "link");
  writeFileSync(file, "words", { mode: 0o600 });
  symlinkSync(file, link);
  assert.equal(readGuarded(link, "unread"), "words");
  for (const mode of [0o604, 0o602, 0o666, 0o644]) {
    chmodSync(file, mode);
    assert.throws(() => readGuarded(link, "unread"), /can be read by others \(mode 06\d\d, user \d+\).*chmod 600/);
  }
  chmodSync(file, 0o644);
  assert.equal(readGuarded(file, "unwritten"), "words");
  for (const mode of [0o622, 0o664, 0o646]) {
    chmodSync(file, mode);
    assert.throws(() => readGuarded(file, "unwritten"), /can be written by others/);
  }
});

test("what is no file is refused and not waited for", { timeout: 5000 }, (context) => {
  const dir = temporaryDirectory(context);
  const pipe = join(dir, "pipe");
  assert.equal(spawnSync("mkfifo", ["-m", "600", pipe]).status, 0);
  mkdirSync(join(dir, "folder"), { mode: 0o700 });
  for (const path of [pipe, join(dir, "folder")]) assert.throws(() => readGuarded(path, "unread"), /is no file/);
  assert.throws(() => readGuarded(join(dir, "none"), "unread"), { code: "ENOENT" });
});
