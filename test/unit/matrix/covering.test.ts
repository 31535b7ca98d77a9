import assert from "node:assert/strict";
import { test } from "node:test";
import { coveringPairs, type Row } from "../../matrix/covering.js";

const SIZES = [3, 2, 2, 3];
/** The last factor's last value goes with the third one's first alone. */
const allowed = (row: Row) => row[3] !== 2 || row[2] === 0;
const combinations = (row: Row) => row.flatMap((a, i) => row.flatMap((b, j) => (i < j ? [`${i}=${a} ${j}=${b}`] : [])));
const all = [0, 1, 2].flatMap((a) => [0, 1].flatMap((b) => [0, 1].flatMap((c) => [0, 1, 2].map((d) => [a, b, c, d]))));

test("every allowed pair of values occurs, in far fewer rows than there are", () => {
  const rows = coveringPairs({ sizes: SIZES, shared: 2, allowed }, 2).flat();
  assert.ok(rows.every(allowed));
  assert.deepEqual(new Set(rows.flatMap(combinations)), new Set(all.filter(allowed).flatMap(combinations)));
  assert.ok(rows.length <= 16, `${rows.length} rows`);
});

test("two rows of a pair agree in the shared factors and differ in the others", () => {
  for (const [first, second] of coveringPairs({ sizes: SIZES, shared: 2, allowed }, 3)) {
    assert.deepEqual(first.slice(0, 2), second.slice(0, 2));
    assert.notDeepEqual(first, second);
  }
});

test("at full strength every row occurs", () => {
  const rows = coveringPairs({ sizes: SIZES, shared: 2, allowed }, 4).flat();
  assert.deepEqual(new Set(rows.map(String)), new Set(all.filter(allowed).map(String)));
});
