import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseExchange } from "../../../src/run/exchange.js";
import { testRecipe } from "../../support/recipe.js";
import { testSnapshot } from "../../support/snapshot.js";

const { layout, weights, state } = testSnapshot();
const START = { recipe: testRecipe({ optimizer: "adam", shards: 4 }), values: { layout, weights, state } };
const UNKNOWN = { ...START, values: "from the first worker" } as const;
/** Two versions of weights, state, m and v, and four gradients, each on pages of its own. */
const NEEDED = 12 * 4096;

test("auto takes shared memory where there is enough, and says why not", () => {
  const here = (availableBytes: number) => chooseExchange("auto", START, { local: true, availableBytes });
  assert.deepEqual(here(NEEDED), { exchange: "shared-memory", warning: null });
  const { exchange, warning } = here(NEEDED - 1);
  assert.equal(exchange, "frames");
  assert.match(warning!, /would take 50 kB, and 50 kB are free: gradients go through sockets instead/);
});

test("what was asked for is taken, and memory is never shared with other hosts", () => {
  for (const [wished, local, expected] of [
    ["shared-memory", true, "shared-memory"],
    ["frames", true, "frames"],
    ["auto", false, "frames"],
    ["shared-memory", false, "frames"],
  ] as const) {
    const choice = chooseExchange(wished, START, { local, availableBytes: 0 });
    assert.deepEqual(choice, { exchange: expected, warning: null });
  }
  const unread = chooseExchange("auto", UNKNOWN, { local: true, availableBytes: 0 });
  assert.equal(unread.exchange, "shared-memory", "of such a model nobody knows yet how much it takes");
});
