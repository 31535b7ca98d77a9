import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
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
