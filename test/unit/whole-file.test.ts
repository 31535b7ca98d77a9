import assert from "node:assert/strict";
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { writeWhole } from "../../src/whole-file.js";
import { temporaryDirectory } from "../support/temporary.js";

const bytes = (text: string) => Buffer.from(text);

test("files get their names together, in folders that are made, and replace what a link leads to", async (context) => {
  const dir = temporaryDirectory(context);
  writeFileSync(join(dir, "old"), "old");
  symlinkSync("old", join(dir, "link"));
  const written = await writeWhole([
    [join(dir, "new", "page"), [bytes("two "), bytes("pieces")]],
    [join(dir, "link"), [bytes("other")]],
  ]);
  assert.equal(written, 15);
  assert.equal(readFileSync(join(dir, "new", "page"), "utf8"), "two pieces");
  assert.equal(readFileSync(join(dir, "old"), "utf8"), "other");
  assert.ok(lstatSync(join(dir, "link")).isSymbolicLink());
  assert.deepEqual(readdirSync(dir), ["link", "new", "old"]);
});

test("where one cannot be written, all stay as they were and nothing is left", async (context) => {
  const dir = temporaryDirectory(context);
  writeFileSync(join(dir, "page"), "old");
  mkdirSync(join(dir, "taken"));
  for (const other of ["/dev/full", join(dir, "taken"), join(dir, "page", "below"), "/proc/cnn-dist/page"])
    await assert.rejects(
      writeWhole([
        [join(dir, "page"), [bytes("new")]],
        [other, [bytes("new")]],
      ]),
      { code: "output", message: /page cannot be written: E[A-Z]+: .*Give another place by --output/ },
    );
  assert.equal(readFileSync(join(dir, "page"), "utf8"), "old");
  assert.deepEqual(readdirSync(dir), ["page", "taken"]);
});

test("what is no file is written to, and stays what it is", async () => {
  assert.equal(await writeWhole([["/dev/null", [bytes("gone")]]]), 4);
  assert.ok(lstatSync("/dev/null").isCharacterDevice());
});
