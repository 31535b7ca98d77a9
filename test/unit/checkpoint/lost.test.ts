/** The folder is lost to another run while a checkpoint is written. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Snapshot } from "../../../src/checkpoint/snapshot.js";
import { CheckpointStore } from "../../../src/checkpoint/store.js";
import { CnnDistError } from "../../../src/errors.js";
import { filesOf } from "../../support/files.js";
import { testSnapshot } from "../../support/snapshot.js";
import { temporaryDirectory } from "../../support/temporary.js";

const LOST = new CnnDistError("lock-lost", "the folder is another run's");
const AGAIN = testSnapshot({ step: 12, evaluated: true, best: null });

/** What another run has there: checkpoints of the same steps, one of which it is writing again. */
async function othersFolder(dir: string): Promise<string> {
  const store = new CheckpointStore(dir, 9);
  for (const step of [10, 11, 12]) await store.save(testSnapshot({ step, loss: 0.5, best: null }));
  for (const name of ["step-00000012.tmp", "step-00000012.other.tmp"]) {
    mkdirSync(join(dir, "checkpoints", name));
    writeFileSync(join(dir, "checkpoints", name, "weights.safetensors"), "the first bytes");
  }
  return join(dir, "checkpoints");
}

/** A run that has saved steps 11 and 12, and keeps one; `lose` gives its folder to the other one. */
async function holder(context: TestContext) {
  const others = await othersFolder(temporaryDirectory(context));
  const dir = temporaryDirectory(context);
  const checkpoints = join(dir, "checkpoints");
  const first = new CheckpointStore(dir, 2);
  for (const step of [11, 12]) await first.save(testSnapshot({ step, best: null }));
  const lose = () => {
    rmSync(checkpoints, { recursive: true });
    cpSync(others, checkpoints, { recursive: true });
  };
  return { dir, checkpoints, lose, expected: filesOf(others) };
}

test("wherever a save finds the folder lost, it leaves there what the other run put there", async (context) => {
  for (let looks = 0; ; looks++) {
    const { dir, checkpoints, lose, expected } = await holder(context);
    let left = looks;
    const assertHeld = () => {
      if (left-- === 0) lose();
      if (left < 0) throw LOST;
    };
    const save = new CheckpointStore(dir, 1, { id: "mine", assertHeld }).save(AGAIN);
    if (await save.then(Boolean, (error) => error !== LOST)) {
      assert.equal(
        looks,
        4,
        "at the start, before it is in place, and before each that goes: one replaced, one too old",
      );
      assert.deepEqual(readdirSync(checkpoints), ["step-00000012"]);
      return;
    }
    assert.deepEqual(filesOf(checkpoints), expected, `look ${looks}`);
  }
});

test("a save that cannot go on, because the folder was lost, says so and cleans nothing up", async (context) => {
  const { dir, checkpoints, lose, expected } = await holder(context);
  let lost = false;
  const writer = {
    id: "mine",
    assertHeld() {
      if (lost) throw LOST;
    },
  };
  const snapshot: Snapshot = {
    ...AGAIN,
    get state() {
      lose(); // it reads the arrays when its own folder is there
      lost = true;
      return AGAIN.state;
    },
  };
  await assert.rejects(new CheckpointStore(dir, 1, writer).save(snapshot), LOST);
  assert.deepEqual(filesOf(checkpoints), expected);
});
