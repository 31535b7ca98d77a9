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
  const here = (availableBytes: number) => chooseExchange("auto", START, { local: true, workers: 2, availableBytes });
  assert.deepEqual(here(NEEDED), { exchange: "shared-memory", block: 1, warning: null });
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
    const choice = chooseExchange(wished, START, { local, workers: 2, availableBytes: 0 });
    assert.deepEqual(choice, { exchange: expected, block: 1, warning: null });
  }
  const unread = chooseExchange("auto", UNKNOWN, { local: true, workers: 2, availableBytes: 0 });
  assert.equal(unread.exchange, "shared-memory", "of such a model nobody knows yet how much it takes");
});

test("accumulated batches take no more places where the work is even, and a moving average two versions more", () => {
  const bytesFor = (recipe: Parameters<typeof testRecipe>[0]) => {
    const start = { ...START, recipe: testRecipe({ optimizer: "adam", shards: 4, ...recipe }) };
    const choice = (availableBytes: number) =>
      chooseExchange("auto", start, { local: true, workers: 2, availableBytes }).exchange;
    let pages = 1;
    while (choice(pages * 4096) === "frames") pages++;
    return pages * 4096;
  };
  assert.equal(bytesFor({}), NEEDED);
  for (const accumulate of [2, 16, 256]) assert.equal(bytesFor({ accumulate }), NEEDED);
  assert.equal(bytesFor({ ema: 0.9 }), NEEDED + 4 * 4096);
});
