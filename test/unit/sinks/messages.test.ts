/** Byte by byte what TensorBoard's own code makes (test/fixtures/make_tensorboard.py). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { ModelSpec } from "../../../src/models/spec.js";
import * as messages from "../../../src/sinks/tensorboard/messages.js";
import { crc32c, record } from "../../../src/sinks/tensorboard/record.js";
import { fixturePath } from "../../support/fixtures.js";

const made = JSON.parse(readFileSync(fixturePath("tensorboard.json"), "utf8")) as {
  crc32c: Record<string, number>;
  record: string;
  events: Record<string, string>;
};
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const spec = { layers: [{ kind: "conv2d", name: "conv" }] } as unknown as ModelSpec;

test("checksums and frames are TensorFlow's", () => {
  for (const [text, sum] of Object.entries(made.crc32c)) assert.equal(crc32c(Buffer.from(text)), sum);
  assert.equal(base64(record(Buffer.from("a record"))), made.record);
});

const EVENTS: Record<string, (wallTime: number) => Uint8Array> = {
  version: messages.version,
  startAt: messages.startAt(300),
  scalars: messages.scalars(2 ** 33 + 5, [
    ["train/loss", 0.1],
    ["train/accuracy", 1],
  ]),
  image: messages.image(9, "pictures/filters", { png: Uint8Array.of(0x89, 0x50, 0x4e, 0x47), width: 300, height: 200 }),
  text: messages.text("network", "| a |"),
  graph: messages.graph(spec),
  hyperparameters: messages.hyperparameters({ lr: 0.002, optimizer: "adam", flip: true }, "group", 7.5),
  hyperparametersEnd: messages.hyperparametersEnd(8.5),
};

test("every message has a fixture, and every fixture a message", () => {
  assert.deepEqual(Object.keys(EVENTS).sort(), Object.keys(made.events).sort());
});

for (const [name, event] of Object.entries(EVENTS))
  test(`${name} is what TensorBoard's own code writes`, () => {
    assert.equal(base64(event(1234.5)), made.events[name]);
  });
