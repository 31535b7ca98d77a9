import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { UsageError } from "../../../src/errors.js";
import type { RunEvent } from "../../../src/events.js";
import type { SinkContext } from "../../../src/sinks/sink.js";
import * as messages from "../../../src/sinks/tensorboard/messages.js";
import { record } from "../../../src/sinks/tensorboard/record.js";
import { openTensorboard } from "../../../src/sinks/tensorboard/tensorboard.js";
import { DONE, EVALUATION, PLAN, STEP } from "../../support/run-events.js";
import { temporaryDirectory } from "../../support/temporary.js";

const NOW = 1_700_000_000_250;
const context = (runDir: string, startStep = 0): SinkContext => ({
  runDir,
  startStep,
  now: () => NOW,
  onTrouble: (message) => assert.fail(message),
});
const framed = (...events: ((wallTime: number) => Uint8Array)[]) =>
  Buffer.concat(events.map((event) => record(event(NOW / 1000))));

async function written(folder: string, given: SinkContext, events: readonly RunEvent[]): Promise<Buffer> {
  const before = new Set(mkdirSync(folder, { recursive: true }) === undefined ? readdirSync(folder) : []);
  const sink = await openTensorboard(folder, given);
  for (const event of events) sink.observe(event);
  await sink.close();
  const [name, ...others] = readdirSync(folder).filter((each) => !before.has(each));
  assert.deepEqual(others, []);
  return readFileSync(join(folder, name!));
}

test("a first file has the plan's words, and then what happens", async (test) => {
  const runDir = temporaryDirectory(test);
  const bytes = await written(join(runDir, "tensorboard"), context(runDir), [PLAN, { ...STEP, step: 1 }, EVALUATION]);
  const { loss, accuracy, lr, gradient_norm, samples_per_second } = STEP;
  const end = framed(
    messages.scalars(1, [
      ["train/loss", loss],
      ["train/accuracy", accuracy],
      ["train/learning_rate", lr],
      ["train/gradient_norm", gradient_norm],
      ["train/images_per_second", samples_per_second],
    ]),
    messages.scalars(EVALUATION.step, [
      ["test/loss", EVALUATION.loss],
      ["test/accuracy", EVALUATION.accuracy],
    ]),
  );
  assert.deepEqual(bytes.subarray(0, framed(messages.version).length), framed(messages.version));
  assert.deepEqual(bytes.subarray(-end.length), end);
  for (const words of ["_hparams_/session_start_info", "recipe_sha256", PLAN.recipe_sha256])
    assert.ok(bytes.includes(words), words);
});

test("a file of a run that goes on comes after the first, and takes back what its checkpoint does not know", async (test) => {
  const runDir = temporaryDirectory(test);
  const folder = join(runDir, "tensorboard");
  await written(folder, context(runDir), [PLAN]);
  const bytes = await written(folder, context(runDir, 400), [PLAN, { ...DONE, event: "done" }]);
  assert.deepEqual(bytes, framed(messages.version, messages.startAt(401), messages.hyperparametersEnd(NOW / 1000)));
  const names = readdirSync(folder).sort();
  assert.deepEqual(
    names.map((name) => name.split(".")[3]),
    ["1700000000", "1700000001"],
  );
});

test("steps that are done again are taken back, and pictures come as they are on disk", async (test) => {
  const runDir = temporaryDirectory(test);
  const png = Uint8Array.of(1, 2, 3);
  mkdirSync(join(runDir, "pictures"));
  writeFileSync(join(runDir, "pictures", "a.png"), png);
  const shown = (what: "filters" | "samples", file: string) => ({ what, file, title: "", width: 2, height: 1 });
  const pictures = [shown("samples", "pictures/gone.png"), shown("filters", "pictures/a.png")];
  const events: RunEvent[] = [
    { event: "rollback", from_step: 9, step: 4, reason: "lost" },
    { event: "pictures", step: 4, epoch: 0, best: true, pictures, duration_seconds: 1 },
  ];
  const bytes = await written(join(runDir, "tensorboard"), context(runDir), events);
  assert.deepEqual(
    bytes,
    framed(messages.version, messages.startAt(5), messages.image(4, "pictures/filters", { png, width: 2, height: 1 })),
  );
});

test("a folder that cannot be made is refused before anything starts", async (test) => {
  const file = join(temporaryDirectory(test), "file");
  writeFileSync(file, "");
  await assert.rejects(
    openTensorboard(file, context("/")),
    (error) => error instanceof UsageError && /--tensorboard .*no file can be made there/.test(error.message),
  );
});
