import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { findCheckpoint } from "../../../src/checkpoint/find.js";
import { CheckpointStore } from "../../../src/checkpoint/store.js";
import { testSnapshot } from "../../support/snapshot.js";
import { temporaryDirectory } from "../../support/temporary.js";

const best = { accuracy: 0.9, loss: 1, epoch: 0, step: 5 };

test("of a run the newest or the best, of a checkpoint itself", async (context) => {
  const run = temporaryDirectory(context);
  const store = new CheckpointStore(run, 1);
  const { path: early } = await store.save(testSnapshot({ step: 5, best }));
  const { path: late } = await store.save(testSnapshot({ step: 9, best }));
  assert.equal((await findCheckpoint(run)).snapshot.step, 9);
  const chosen = await findCheckpoint(run, { best: true });
  assert.deepEqual([chosen.snapshot.step, chosen.path], [5, early]);
  const direct = await findCheckpoint(late);
  assert.deepEqual([direct.snapshot.step, direct.path], [9, late]);
  assert.deepEqual(direct.snapshot.classNames, ["boot", "coat"]);
  await assert.rejects(findCheckpoint(late, { best: true }), { code: "no-checkpoint", exitCode: 2 });
});

test("a damaged newest is passed over and named; a damaged one that was asked for is refused", async (context) => {
  const run = temporaryDirectory(context);
  const store = new CheckpointStore(run, 2);
  await store.save(testSnapshot({ step: 5, best: null }));
  const { path } = await store.save(testSnapshot({ step: 9, best: null }));
  writeFileSync(join(path, "weights.safetensors"), "no");
  const { snapshot, passedOver } = await findCheckpoint(run);
  assert.equal(snapshot.step, 5);
  assert.deepEqual(
    passedOver.map((each) => each.path),
    [path],
  );
  await assert.rejects(findCheckpoint(path), {
    code: "no-checkpoint",
    exitCode: 2,
    message: /weights\.safetensors has 2/,
  });
  await assert.rejects(findCheckpoint(run, { best: true }), { code: "no-checkpoint", message: /never evaluated/ });
});

test("what is no run and no checkpoint is refused with what was found there", async (context) => {
  const dir = temporaryDirectory(context);
  await assert.rejects(findCheckpoint(join(dir, "none")), {
    code: "no-checkpoint",
    exitCode: 2,
    message: /does not exist/,
  });
  await assert.rejects(findCheckpoint(dir), { code: "no-checkpoint", exitCode: 2, message: /no checkpoints\// });
  mkdirSync(join(dir, "checkpoints"));
  await assert.rejects(findCheckpoint(dir), { code: "no-checkpoint", exitCode: 2 });
  rmSync(join(dir, "checkpoints"), { recursive: true });
});
