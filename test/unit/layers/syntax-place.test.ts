import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { syntaxPlace } from "../../../src/layers/syntax-place.js";
import { temporaryDirectory } from "../../support/temporary.js";

test("a syntax error has file, line and column, in ES and CommonJS modules", async (context) => {
  const dir = temporaryDirectory(context);
  for (const [name, text, expected] of [
    ["own.mjs", "const b = 1;\nconst a = ;\n", ":2:11"],
    ["own.cjs", "module.exports = {\n  a: ;\n};\n", ":2:6"],
  ] as const) {
    const path = join(dir, name);
    writeFileSync(path, text);
    assert.equal(await syntaxPlace(path), `${path}${expected}`);
  }
});

test("a sound file has none", async (context) => {
  const path = join(temporaryDirectory(context), "own.mjs");
  writeFileSync(path, 'import "./none.mjs";\nexport const a = 1;\n');
  assert.equal(await syntaxPlace(path), null);
});
