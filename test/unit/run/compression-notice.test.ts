import assert from "node:assert/strict";
import { test } from "node:test";
import { layoutOf } from "../../../src/parameters/layout.js";
import { compressionNotice } from "../../../src/run/compression-notice.js";
import { testRecipe } from "../../support/recipe.js";

const LAYOUT = layoutOf([
  { name: "kernel", shape: [1_000_000], role: "trainable", init: { kind: "zeros" }, decay: true },
]);

test("with several shards a worker, the plan says what travels with compression and without", () => {
  const notice = (compress: string, shards: number, workers: number) =>
    compressionNotice(testRecipe({ compress, shards }), LAYOUT, workers);
  assert.match(
    notice("bf16", 4, 2)[0]!,
    /4 of 2.0 MB, 8.0 MB a step in all; without it 2 workers would add first and send 2 of 4.0 MB, 8.0 MB/,
  );
  assert.match(
    notice("topk:0.01", 4, 1)[0]!,
    /4 of 80 kB, 320 kB a step in all; without it the worker would .* 1 of 4/,
  );
  // Blocks of two and one shards: the tree over three has no node for the last two.
  assert.match(notice("fp16", 3, 2)[0]!, /3 of 2.0 MB.* send 2 of 4.0 MB/);
  assert.deepEqual(notice("bf16", 2, 2), []);
  assert.deepEqual(notice("none", 4, 1), []);
});
