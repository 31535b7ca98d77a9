/** --pictures: drawn beside the training, of which it changes no bit. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { PicturesEvent } from "../../../src/events.js";
import { CHECKPOINT_PICTURES } from "../../../src/pictures/kinds.js";
import { decodePng } from "../../support/decode-png.js";
import { runHere, scratch } from "../../support/runs.js";

test("after an evaluation come its pictures, and the weights are the same without them", async (context) => {
  const runDir = join(scratch(context), "run");
  const overrides = { epochs: 1, batchSize: 50 };
  const drawn = await runHere(context, "lenet5", { overrides, placement: { runDir, workers: 1, pictures: true } });
  const plain = await runHere(context, "lenet5", { overrides, placement: { workers: 1 } });
  assert.equal(drawn.done.weights_sha256, plain.done.weights_sha256);
  assert.equal(drawn.done.recipe_sha256, plain.done.recipe_sha256);
  assert.equal(drawn.events.at(-1)!.event, "done");
  assert.ok(!plain.events.some(({ event }) => event === "pictures"));
  const events = drawn.events.filter((event): event is PicturesEvent => event.event === "pictures");
  const last = events.at(-1)!;
  assert.deepEqual([last.step, last.epoch], [3, 0]);
  assert.deepEqual(
    last.pictures.map(({ what }) => what),
    [...CHECKPOINT_PICTURES],
  );
  for (const { file, width, height } of last.pictures) {
    const read = decodePng(readFileSync(join(runDir, file)));
    assert.deepEqual([read.width, read.height], [width, height]);
  }
  assert.deepEqual(readdirSync(join(runDir, "pictures")), ["step-00000003"]);
  const recorded = readFileSync(join(runDir, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    recorded.filter(({ event }) => event === "pictures").map(({ step }) => step),
    events.map(({ step }) => step),
  );
});
