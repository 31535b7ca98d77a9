import assert from "node:assert/strict";
import { test } from "node:test";
import { modelList } from "../../../src/commands/models.js";
import { modelNames } from "../../../src/models/registry.js";

test("models: each with its input, parameters and a line about it", () => {
  const lines = modelList({ json: false }).split("\n");
  assert.match(lines[0]!, /^model +input +classes +parameters +options +about$/);
  assert.match(lines[1]!, /^lenet5 +32x32x1 +10 +61,706 +LeCun et al\. 1998/);
  for (const name of modelNames())
    assert.ok(
      lines.some((line) => line.startsWith(`${name} `)),
      name,
    );
  assert.ok(lines.every((line) => line === line.trimEnd()));
});

test("models --json: one object a line", () => {
  const rows = modelList({ json: true })
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    rows.map(({ name }) => name),
    modelNames(),
  );
  assert.deepEqual(
    rows.find(({ name }) => name === "vgg16"),
    {
      name: "vgg16",
      about: "Simonyan & Zisserman 2015",
      input: [224, 224, 3],
      classes: 1000,
      trainable_parameters: 138_357_544,
      multiply_adds: 15_470_264_320,
      options: {
        dropout: { initial: 0.5, takes: "a number from 0 up to, but not including, 1" },
        width: { initial: 1, takes: "a number from 0.015625 up to, but not including, 17" },
      },
    },
  );
});
