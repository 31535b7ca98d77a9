import assert from "node:assert/strict";
import { test } from "node:test";
import { datasetList } from "../../../src/commands/datasets.js";
import { datasetNames } from "../../../src/data/datasets.js";

test("datasets: each with its shape, images, licence and place", () => {
  const text = datasetList({ json: false, cacheDir: "/nowhere" });
  assert.match(
    text,
    /^fashion-mnist\n {2}grey images of clothes, ten classes\n {2}28x28x1, 10 classes, 60,000 training and 10,000 test images\n {2}licence: MIT \(Zalando SE\)\n {2}found: {3}\S/,
  );
  for (const name of datasetNames()) assert.match(text, new RegExp(`^${name}$`, "m"));
});

test("datasets --json: one object a line", () => {
  const lines = datasetList({ json: true, cacheDir: "/nowhere" }).trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).name),
    datasetNames(),
  );
  const [first] = lines.map((line) => JSON.parse(line));
  assert.deepEqual(first.shape, [28, 28, 1]);
  assert.equal(first.train, 60_000);
});
