/** Two of the coordinator's deaths; `npm run restarts` does as many as one likes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { killCoordinators } from "../restarts/restarts.js";
import { scratch } from "../support/runs.js";

test("a coordinator that is killed and started again goes on with the workers that waited, to the same bits", async (context) => {
  const rows: string[] = [];
  const problems = await killCoordinators(scratch(context), { count: 2, seed: 1 }, (row) => rows.push(row.join(" ")));
  assert.deepEqual(problems, [], rows.join("\n"));
  assert.equal(rows.length, 3);
});
