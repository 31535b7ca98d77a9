import assert from "node:assert/strict";
import { test } from "node:test";
import { drawInjection, SCENES } from "../../chaos/draw.js";
import { factsOf, KIND_NAMES } from "../../chaos/kinds.js";

/** Forty of each kind. */
const COUNT = 40 * KIND_NAMES.length;
const drawn = (seed: number) => Array.from({ length: COUNT }, (_, number) => drawInjection(seed, number));

test("a seed names its injections", () => {
  assert.deepEqual(drawn(1), drawn(1));
  assert.notDeepEqual(drawn(1), drawn(2));
});

test("every kind comes in turn, in every scene that it can have, at moments and for times within its limits", () => {
  const all = drawn(1);
  for (const kind of KIND_NAMES) {
    const mine = all.filter((each) => each.kind === kind);
    assert.equal(mine.length, COUNT / KIND_NAMES.length);
    const { tcp = false, lasts = [0, 0], late = false, point } = factsOf(kind);
    const scenes = new Set(mine.map(({ scene }) => scene));
    assert.deepEqual([...scenes].sort(), tcp ? ["tcp"] : SCENES.filter((scene) => scene !== "tcp").toSorted());
    assert.ok(new Set(mine.map(({ at }) => at)).size > 1, kind);
    for (const { at, seconds } of mine) {
      assert.ok(at >= (late && point === "message" ? 20 : 1) && Number.isInteger(at));
      assert.ok(seconds >= lasts[0] && seconds <= lasts[1]);
    }
  }
});
