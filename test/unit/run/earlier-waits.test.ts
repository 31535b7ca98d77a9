import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { kindOf, readWaits, rememberWaits } from "../../../src/run/earlier-waits.js";
import { PLAN } from "../../support/run-events.js";
import { temporaryDirectory } from "../../support/temporary.js";

test("what a run waited is known to later ones of its kind; the oldest of many kinds go", (context) => {
  const file = join(temporaryDirectory(context), "state", "waits.json");
  const kind = kindOf(PLAN);
  assert.notEqual(kind, kindOf({ ...PLAN, workers: 9 }));
  assert.deepEqual(readWaits(file, kind), { join: null, compile: null });
  rememberWaits(file, kind, { join: 1, compile: 2 });
  rememberWaits(file, kind, { join: 3, compile: 4 });
  assert.deepEqual(readWaits(file, kind), { join: 3, compile: 4 });
  for (let other = 0; other < 200; other++) rememberWaits(file, String(other), { join: 1, compile: 1 });
  assert.equal(readWaits(file, kind).join, null);
  writeFileSync(file, "{");
  assert.equal(readWaits(file, "5").join, null, "a damaged file is none");
  rememberWaits("/dev/null/waits.json", kind, { join: 1, compile: 1 }); // what cannot be written is done without
});
