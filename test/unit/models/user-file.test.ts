import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { modelNames } from "../../../src/models/registry.js";
import { isModelPath, readUserModelFile } from "../../../src/models/user-file.js";
import { temporaryDirectory } from "../../support/temporary.js";

const sha256 = (...parts: string[]) => createHash("sha256").update(parts.join("")).digest("hex");

test("a path is told from a network's name", () => {
  for (const path of [
    "./net.js",
    "net.mjs",
    "net.cjs",
    "net.ts",
    "model.json",
    "models/net",
    "/tmp/model.json",
    "net.h5/",
  ])
    assert.ok(isModelPath(path), path);
  for (const name of modelNames()) assert.ok(!isModelPath(name), name);
});

test("the hash is the file's own, followed by the weight files that it names, in their order", (context) => {
  const dir = temporaryDirectory(context);
  const write = (name: string, content: string) => {
    writeFileSync(join(dir, name), content);
    return join(dir, name);
  };
  const module = write("net.cjs", "exports.createModel = () => {};");
  assert.deepEqual(readUserModelFile(module), {
    path: module,
    kind: "module",
    sha256: sha256("exports.createModel = () => {};"),
  });
  const json = JSON.stringify({
    modelTopology: {},
    weightsManifest: [
      { paths: ["b.bin", "a.bin"], weights: [] },
      { paths: ["c.bin"], weights: [] },
    ],
  });
  const path = write("model.json", json);
  assert.throws(() => readUserModelFile(path), /b\.bin does not exist/);
  write("a.bin", "A");
  write("b.bin", "B");
  write("c.bin", "C");
  assert.deepEqual(readUserModelFile(path), { path, kind: "json", sha256: sha256(json, "B", "A", "C") });
});

test("a TypeScript module is taken where Node runs it, and refused with what helps where it does not", (context) => {
  const path = join(temporaryDirectory(context), "net.ts");
  writeFileSync(path, "export function createModel() {}");
  assert.equal(readUserModelFile(path, { runsTypescript: true }).kind, "module");
  assert.throws(() => readUserModelFile(path, { runsTypescript: false }), {
    code: "model-file",
    message: /net\.ts: Node \d+\.\d+\.\d+ does not run TypeScript\. Use Node 22\.18 or later, or compile/,
  });
});
