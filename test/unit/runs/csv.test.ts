import assert from "node:assert/strict";
import { test } from "node:test";
import { csvOf } from "../../../src/runs/csv.js";
import { runRow } from "../../support/run-row.js";

test("all of a row but its warnings, quoted where needed, and no spreadsheet takes a name for a formula", () => {
  const rows = [
    runRow({ name: 'a "b", c', loss: null, best_accuracy: 0.25, failure: "two\nlines", warnings: ["unread"] }),
    runRow({ name: "=HYPERLINK(1)" }),
  ];
  const [head, first, second, ...rest] = csvOf(rows).split("\r\n");
  assert.deepEqual(
    head!.split(",").toSorted(),
    Object.keys(rows[0]!)
      .filter((key) => key !== "warnings")
      .toSorted(),
  );
  assert.ok(first!.startsWith('"a ""b"", c",/runs/one,done,lenet5,'), first);
  assert.match(first!, /,,0\.8,0\.25,10000,/);
  assert.match(first!, /,"two\nlines",/);
  assert.ok(second!.startsWith("'=HYPERLINK(1),"), second);
  assert.deepEqual(rest, [""]);
});

test("without a run, the head alone", () => {
  assert.match(csvOf([]), /^name,path,state,[a-z0-9_,]+\r\n$/);
});
