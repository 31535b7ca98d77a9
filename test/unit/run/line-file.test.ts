import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LineFile } from "../../../src/run/line-file.js";
import { temporaryDirectory } from "../../support/temporary.js";

test("lines are appended, and nothing is written once it is closed", (context) => {
  const path = join(temporaryDirectory(context), "lines");
  const file = new LineFile(path, (_, error) => assert.fail(String(error)));
  file.append("one");
  file.append("two");
  file.close();
  file.append("three");
  assert.equal(readFileSync(path, "utf8"), "one\ntwo\n");
});

test("a full disk costs a line, and its reason is told", () => {
  const failures: string[] = [];
  const file = new LineFile("/dev/full", (path, error) => failures.push(`${path}: ${String(error)}`));
  file.append("one");
  file.append("two");
  file.close();
  assert.equal(failures.length, 2);
  assert.match(failures[0]!, /^\/dev\/full: Error: ENOSPC/);
});

test("a line that a killed process left unfinished is taken back before the next one", (context) => {
  const path = join(temporaryDirectory(context), "lines");
  const long = "x".repeat(100_000);
  for (const [left, whole] of [
    ['{"a":1}\n{"b"', '{"a":1}\n'],
    [`{"a":1}\n${long}`, '{"a":1}\n'],
    [long, ""],
    ['{"a":1}\n', '{"a":1}\n'],
    ["", ""],
  ] as const) {
    writeFileSync(path, left);
    const file = new LineFile(path, () => assert.fail("nothing is dropped"));
    file.append("next");
    file.close();
    assert.equal(readFileSync(path, "utf8"), `${whole}next\n`);
  }
});
