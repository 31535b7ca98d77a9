import assert from "node:assert/strict";
import { test } from "node:test";
import { Closing } from "../../../src/run/closing.js";

test("what was opened last is closed first, and one that fails keeps no other open", async () => {
  const closing = new Closing();
  const closed: number[] = [];
  closing.add(() => void closed.push(1));
  closing.add(() => {
    throw new Error("two");
  });
  closing.add(async () => void closed.push(3));
  const errors = await closing.close();
  assert.deepEqual(closed, [3, 1]);
  assert.deepEqual(errors.map(String), ["Error: two"]);
  assert.deepEqual(await closing.close(), []);
});
