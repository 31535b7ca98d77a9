import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BAN_MS, HANDSHAKE_MS, HTTP_TIMES } from "../../src/config/time-limits.js";
import { HTTP, PEERS, WIRE } from "../../src/limits.js";
import { ROOT } from "../support/fixtures.js";

function written(name: string, value: number): string {
  if (/ms$/i.test(name)) return `${value / 1000} s`;
  if (!name.endsWith("Bytes")) return value.toLocaleString("en-US");
  const power = Math.floor(Math.log2(value) / 10);
  return `${value / 1024 ** power} ${["bytes", "KiB", "MiB", "GiB"][power]}`;
}

test("docs/security.md has every limit in one table", () => {
  const groups = { WIRE, PEERS, HTTP, HTTP_TIMES };
  const expected = new Map([
    ["HANDSHAKE_MS", written("Ms", HANDSHAKE_MS)],
    ["BAN_MS", written("Ms", BAN_MS)],
  ]);
  for (const [group, limits] of Object.entries(groups))
    for (const [name, value] of Object.entries(limits)) expected.set(`${group}.${name}`, written(name, value));
  const page = readFileSync(join(ROOT, "docs", "security.md"), "utf8");
  const rows = [
    ...page
      .slice(page.indexOf("## Limits"), page.indexOf("## What is not promised"))
      .matchAll(/^\| `([A-Z][\w.]+)` \| ([^|]+) \| [^|]+ \|$/gm),
  ].map(([, name, value]) => [name!, value!] as const);
  assert.deepEqual(new Map(rows), expected);
});
