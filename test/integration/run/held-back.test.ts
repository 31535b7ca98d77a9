/** The two that leave the cores to others, at the same time; test/hosts/held-back.test.ts has all four, one by one. */
import { test } from "node:test";
import { assertNamed } from "../../support/held-back.js";
import { SLOWED } from "../../support/slowed-runs.js";

test("what holds a run back is named: a worker that is stopped and woken in turns, a slow disk", async (context) => {
  const both = SLOWED.filter(({ name }) => /stopped|disk/.test(name));
  await Promise.all(both.map((slowed) => assertNamed(context, slowed)));
});
