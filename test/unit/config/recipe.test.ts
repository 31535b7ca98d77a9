import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { recipeCodec, type WrittenRecipe, written } from "../../../src/config/recipe.js";
import { recipeSha256, resolveRecipe } from "../../../src/config/resolve.js";
import { UsageError } from "../../../src/errors.js";
import { readUserModelFile } from "../../../src/models/user-file.js";
import { testRecipe } from "../../support/recipe.js";
import { temporaryDirectory } from "../../support/temporary.js";

const FLAT = { ...written(testRecipe()), datasetSha256: "d".repeat(64) };
const TABLE: WrittenRecipe = { ...FLAT, model: "googlenet", modelOptions: { width: 0.5 } };
const FILE: WrittenRecipe = { ...FLAT, model: "/home/me/own.mjs", modelSha256: "b".repeat(64) };

test("a written recipe comes back to the byte, keys in order", () => {
  for (const flat of [TABLE, FILE])
    assert.equal(JSON.stringify(written(z.decode(recipeCodec, flat))), JSON.stringify(flat));
  assert.deepEqual(Object.keys(FLAT).slice(0, 4), ["model", "modelOptions", "modelSha256", "dataset"]);
  const { model } = z.decode(recipeCodec, TABLE);
  assert.deepEqual(model, { kind: "table", name: "googlenet", options: { width: 0.5 } });
  const own = z.decode(recipeCodec, FILE).model;
  assert.deepEqual(own, { kind: "file", path: "/home/me/own.mjs", sha256: "b".repeat(64) });
});

test("a key at the value that its absence means is not written, so that old hashes stand", () => {
  const spelt = z.decode(recipeCodec, { ...TABLE, weightDecayExclude: "none", accumulate: 1 });
  assert.equal(JSON.stringify(written(spelt)), JSON.stringify(TABLE));
  assert.equal(recipeSha256(spelt), recipeSha256(z.decode(recipeCodec, TABLE)));
  const other = { ...TABLE, weightDecayExclude: "biasAndNorm", accumulate: 2 } as const;
  assert.equal(JSON.stringify(written(z.decode(recipeCodec, other))), JSON.stringify(other));
});

test("a compression is written in one way, and what is none is refused", () => {
  const resolve = (compress: string) => resolveRecipe({ model: "lenet5", overrides: { compress }, workers: 1 });
  for (const [given, expected] of [
    ["none", "none"],
    ["bf16", "bf16"],
    ["topk:0.010", "topk:0.01"],
    ["topk:.5", "topk:0.5"],
    ["topk:1e-3", "topk:0.001"],
    ["topk:1", "topk:1"],
  ] as const)
    assert.equal(resolve(given).compress, expected);
  assert.equal(
    recipeSha256(resolve("none")),
    recipeSha256(resolveRecipe({ model: "lenet5", overrides: {}, workers: 1 })),
  );
  for (const wrong of ["", "gzip", "topk", "topk:", "topk:0", "topk:1.1", "topk:-1", "topk:0x1"])
    assert.throws(() => resolve(wrong), {
      code: "config",
      message: `--compress: expected none, bf16, fp16 or topk:RATIO, a share of at most 1 such as topk:0.01, received "${wrong}"`,
    });
});

test("a step has at most 1024 shards, over all its batches", () => {
  const resolve = (accumulate: number) =>
    resolveRecipe({ model: "lenet5", overrides: { batchSize: 64, shards: 4, accumulate }, workers: 1 });
  assert.equal(resolve(256).accumulate, 256);
  assert.throws(() => resolve(257), {
    code: "config",
    message: /--shards 4 and --accumulate 257 make 1,028 shards a step; at most 1,024 are possible/,
  });
  assert.throws(() => resolve(0), { code: "config", message: /--accumulate: .*from 1 to 1024, received 0/ });
});

test("a file with options is no recipe", () => {
  const result = recipeCodec.safeParse({ ...FILE, modelOptions: { depth: 3 } });
  assert.match(result.error!.message, /no options for a model that is a file/);
});

test("recipe_sha256 is what it always was, and of a file its hash counts, not its path", () => {
  const of = (flat: WrittenRecipe) => recipeSha256(z.decode(recipeCodec, flat));
  const lenet5 = resolveRecipe({ recipe: "lenet5", overrides: {}, workers: 1 });
  assert.equal(recipeSha256(lenet5), "aade3db478c73905d9e64b70e362f19ab5023a41a6ec79a3cb44a77349a8b9ff");
  assert.equal(of(TABLE), "e4dd859670cecdd645694a43e89f87a4425a1698d8fbba497dafa3d9ba4c496c");
  assert.equal(of(FILE), "0dc2e36c54a0ff751b4bd3b1263cc417f855f232dd85ee123c101fe39bd46b4d");
  assert.equal(of({ ...FILE, model: "/elsewhere/own.mjs" }), of(FILE));
  assert.notEqual(of({ ...FILE, modelSha256: "c".repeat(64) }), of(FILE));
});

test("a user's path becomes a file with the hash that it has now", (context) => {
  const path = join(temporaryDirectory(context), "own.mjs");
  writeFileSync(path, "export const createModel = 1;");
  const resolve = (overrides: Parameters<typeof resolveRecipe>[0]["overrides"]) =>
    resolveRecipe({ model: path, overrides, workers: 1 });
  const { sha256 } = readUserModelFile(path);
  assert.deepEqual(resolve({}).model, { kind: "file", path, sha256 });
  const refused = (overrides: Parameters<typeof resolve>[0], code: string) =>
    assert.throws(
      () => resolve(overrides),
      (error) => error instanceof UsageError && error.code === code,
    );
  refused({ modelSha256: "0".repeat(64) }, "model-differs");
  refused({ modelOptions: { depth: 3 } }, "model-option");
});
