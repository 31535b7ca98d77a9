import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CnnDistError, CODES, EXIT, errorOf, UsageError } from "../../src/errors.js";
import { ROOT } from "../support/fixtures.js";

test("docs/errors.md lists every code as the table has it", () => {
  const rows = Object.entries(CODES).map(
    ([code, { exit, restartHelps, about }]) => `| \`${code}\` | ${exit} | ${restartHelps ? "yes" : "no"} | ${about} |`,
  );
  const documented = readFileSync(join(ROOT, "docs", "errors.md"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  assert.deepEqual(documented, rows);
});

test("codes are in the order of the alphabet, so that one is found and none is written twice", () => {
  assert.deepEqual(Object.keys(CODES), Object.keys(CODES).sort());
});

test("the exit code follows from the code", () => {
  assert.equal(new CnnDistError("not-finite", "").exitCode, EXIT.failed);
  assert.equal(new CnnDistError("stopped", "").exitCode, EXIT.stopped);
  assert.equal(new UsageError("config", "").exitCode, EXIT.usage);
});

test("a code from another process becomes the error that it names, an unknown one is unexpected", () => {
  assert.ok(errorOf("model-file", "no such file") instanceof UsageError);
  const failure = errorOf("trace-read", "at model.mjs:3");
  assert.equal(failure instanceof UsageError, false);
  assert.deepEqual([failure.code, failure.message], ["trace-read", "at model.mjs:3"]);
  assert.equal(errorOf("constructor", "").code, "unexpected");
});
