import assert from "node:assert/strict";
import { test } from "node:test";
import type { Row } from "../../chaos/play.js";
import { detectionTable } from "../../chaos/table.js";

test("a line a kind: how many were noticed, as what, how soon, and what went wrong", () => {
  const row = (seconds: number | null, problems: string[] = []): Row => ({
    what: "",
    followed: "done",
    detection: seconds === null ? null : { seconds, as: "silence" },
    problems,
  });
  const lines = detectionTable([
    { kind: "frozen", row: row(5.4) },
    { kind: "frozen", row: row(5.1) },
    { kind: "frozen", row: row(6) },
    { kind: "disk full", row: row(null, ["other weights"]) },
  ]).split("\n");
  assert.deepEqual(
    lines.map((line) => line.split(/ {2,}/)),
    [
      ["kind", "made", "noticed", "as", "median s", "longest s", "other bits or failed"],
      ["frozen", "3", "3", "silence", "5.40", "6.00", "0"],
      ["disk full", "1", "0", "1"],
    ],
  );
});
