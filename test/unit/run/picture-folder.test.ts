import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PictureFolder, pictureFile } from "../../../src/run/picture-folder.js";
import { temporaryDirectory } from "../../support/temporary.js";

test("other steps' folders go, and what a killed process left half made", async (context) => {
  const runDir = temporaryDirectory(context);
  const folder = new PictureFolder(runDir, () => {});
  for (const step of [1, 2, 3]) mkdirSync(folder.of(step));
  mkdirSync(`${folder.of(2)}.tmp`);
  await folder.keep([3, 1]);
  assert.deepEqual(readdirSync(join(runDir, "pictures")).sort(), ["step-00000001", "step-00000003"]);
  assert.equal(folder.of(3), join(runDir, pictureFile(3, "filters"), ".."));
});

test("nothing is removed from a folder that another run holds", async (context) => {
  const folder = new PictureFolder(temporaryDirectory(context), () => {
    throw new Error("another run holds it");
  });
  mkdirSync(folder.of(1));
  await assert.rejects(folder.keep([2]), /another run holds it/);
  assert.ok(existsSync(folder.of(1)));
});
