import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { allowedModel } from "../../../src/models/allowed.js";
import type { FileModel } from "../../../src/models/choice.js";
import { assertTrusted, remember, trustedModelsFile, waysToTrust } from "../../../src/models/trust.js";
import { readUserModelFile } from "../../../src/models/user-file.js";
import { temporaryDirectory } from "../../support/temporary.js";

const OWN: FileModel = { kind: "file", path: "/home/me/own.mjs", sha256: "a".repeat(64) };
const refused = (model: FileModel, list: string, message = /.*/) =>
  assert.throws(() => assertTrusted(model, list, waysToTrust(model)), {
    code: "model-not-allowed",
    exitCode: 2,
    message,
  });

test("a module runs when path and hash are in the list, and else the error names file, hash and the two ways", (context) => {
  const list = trustedModelsFile({ XDG_STATE_HOME: temporaryDirectory(context) });
  refused(
    OWN,
    list,
    /\/home\/me\/own\.mjs \(SHA-256 a{64}\)[\s\S]*--trust-model[\s\S]*cnn-dist launch --model \/home\/me\/own\.mjs/,
  );
  remember(OWN, list);
  assertTrusted(OWN, list, []);
  refused({ ...OWN, sha256: "b".repeat(64) }, list);
  refused({ ...OWN, path: "/tmp/own.mjs" }, list);
  const other = { ...OWN, path: '/home/me/a\n{"b".mjs' };
  remember(other, list);
  remember(other, list);
  assertTrusted(other, list, []);
  assertTrusted(OWN, list, []);
  assert.equal(readFileSync(list, "utf8").trimEnd().split("\n").length, 2);
});

test("the list is the user's alone, and one that others may write to counts for nothing", (context) => {
  const list = trustedModelsFile({ XDG_STATE_HOME: temporaryDirectory(context) });
  remember(OWN, list);
  assert.equal(statSync(list).mode & 0o777, 0o600);
  assert.equal(statSync(join(list, "..")).mode & 0o777, 0o700);
  chmodSync(list, 0o622);
  refused(OWN, list);
});

test("tables and model.json files are data", () => {
  assertTrusted({ kind: "table", name: "lenet5", options: {} }, "/nowhere", []);
  assertTrusted({ ...OWN, path: "/home/me/model.json" }, "/nowhere", []);
  for (const path of ["/a/own.ts", "/a/own.CJS", "/a/own"]) refused({ ...OWN, path }, "/nowhere");
});

test("a list that cannot be written stops no training", (context) => {
  const dir = temporaryDirectory(context);
  writeFileSync(join(dir, "file"), "");
  remember(OWN, join(dir, "file", "list"));
  mkdirSync(join(dir, "list"));
  assert.throws(() => assertTrusted(OWN, join(dir, "list"), []));
});

test("a worker finds the model among the files that its own user named, by the hash", (context) => {
  const dir = temporaryDirectory(context);
  const [mine, other] = ["mine.mjs", "other.mjs"].map((name) => {
    writeFileSync(join(dir, name), `throw new Error("${name} was run");`);
    return join(dir, name);
  }) as [string, string];
  const { sha256 } = readUserModelFile(mine);
  const there: FileModel = { kind: "file", path: "/etc/evil\u001b[2J.mjs", sha256 };
  assert.deepEqual(allowedModel(there, [other, mine]), { kind: "file", path: mine, sha256 });
  const table = { kind: "table", name: "lenet5", options: {} } as const;
  assert.equal(allowedModel(table, []), table);
  const fails = (files: readonly string[], message: RegExp) =>
    assert.throws(
      () => allowedModel(there, files),
      (error: Error & { code: string }) => {
        assert.equal(error.code, "model-not-allowed");
        assert.ok(!error.message.includes("\u001b"), error.message);
        assert.match(error.message, message);
        return true;
      },
    );
  fails([], new RegExp(`SHA-256 ${sha256}.*none was named.*--model-file PATH`));
  fails([other], new RegExp(`named were ${other} \\(SHA-256 ${readUserModelFile(other).sha256}\\)`));
});
