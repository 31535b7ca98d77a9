import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { decodeSafetensors } from "../../../src/checkpoint/safetensors.js";
import { CheckpointStore } from "../../../src/checkpoint/store.js";
import { exportCheckpoint } from "../../../src/export/export.js";
import { initialValues } from "../../../src/models/init.js";
import { parametersOf } from "../../../src/models/parameters.js";
import { buildModel } from "../../../src/models/registry.js";
import { layoutOf } from "../../../src/parameters/layout.js";
import { inProcess } from "../../support/cli.js";
import { testRecipe } from "../../support/recipe.js";
import { testSnapshot } from "../../support/snapshot.js";
import { temporaryDirectory } from "../../support/temporary.js";

function lenet() {
  const layout = layoutOf(parametersOf(buildModel("lenet5", { input: [28, 28, 1], classes: 2 })));
  return testSnapshot({ layout, ...initialValues(layout, 1), slots: {} });
}

test("safetensors: our names, and what the tensors are of", async (context) => {
  const snapshot = lenet();
  const path = join(temporaryDirectory(context), "deep", "weights.safetensors");
  const { files, sizeBytes } = await exportCheckpoint(snapshot, "safetensors", path);
  const bytes = readFileSync(path);
  assert.deepEqual([files, sizeBytes], [[path], bytes.byteLength]);
  const tensors = decodeSafetensors("export", bytes);
  const { trainable } = snapshot.layout;
  assert.deepEqual(
    tensors.map(({ name }) => name),
    trainable.map(({ name }) => name),
  );
  const first = trainable[0]!;
  assert.deepEqual(tensors[0]!.data, snapshot.weights.slice(first.offset, first.offset + first.size));
  const length = Number(bytes.readBigUInt64LE(0));
  const { __metadata__: facts } = JSON.parse(bytes.subarray(8, 8 + length).toString()) as {
    __metadata__: Record<string, string>;
  };
  assert.deepEqual(
    [facts.format, facts.model, facts.input, facts.classes, facts.class_names],
    ["cnn-dist", "lenet5", "[28,28,1]", "2", '["boot","coat"]'],
  );
});

test("nothing is left behind where an output cannot be written, and a folder of something else is refused", async (context) => {
  const dir = temporaryDirectory(context);
  mkdirSync(join(dir, "taken.keras"));
  await assert.rejects(exportCheckpoint(lenet(), "keras", join(dir, "taken.keras")), { code: "output" });
  assert.deepEqual(readdirSync(dir), ["taken.keras"]);
  writeFileSync(join(dir, "precious"), "");
  await assert.rejects(exportCheckpoint(lenet(), "tfjs", dir), { code: "export", exitCode: 2 });
  assert.equal(existsSync(join(dir, "model.json")), false);
});

test("a model of one's own is exported as safetensors alone", async (context) => {
  const dir = temporaryDirectory(context);
  const own = testSnapshot({ recipe: testRecipe({ model: "/home/me/own.mjs", modelSha256: "b".repeat(64) }) });
  await assert.rejects(exportCheckpoint(own, "tfjs", join(dir, "own")), {
    code: "export",
    exitCode: 2,
    message: /safetensors/,
  });
  await exportCheckpoint(own, "safetensors", join(dir, "own.safetensors"));
});

test("the command writes where it is told, and refuses formats, names and folders that are none", async (context) => {
  const dir = temporaryDirectory(context);
  const { path } = await new CheckpointStore(dir, 1).save(lenet());
  const output = join(dir, "out.keras");
  const done = await inProcess(["export", path, "--format", "keras", "--output", output, "--json"]);
  assert.equal(done.code, 0, done.stderr);
  const { files, size_bytes } = JSON.parse(done.stdout) as { files: string[]; size_bytes: number };
  assert.deepEqual([files, size_bytes], [[output], readFileSync(output).byteLength]);
  for (const [words, expected] of [
    [["export", path], /--format is needed/],
    [["export", path, "--format", "kears"], /received "kears".*keras/],
    [["export", path, "--format", "keras", "--output", join(dir, "out.h5")], /end in \.keras/],
    [["export", join(dir, "nowhere"), "--format", "tfjs"], /does not exist/],
  ] as const) {
    const refused = await inProcess(words);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, expected);
  }
});
