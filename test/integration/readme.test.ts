import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { temporaryDirectory } from "../support/temporary.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

test("the library example of the README runs as it stands and learns", async (context) => {
  const cwd = temporaryDirectory(context);
  const example = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, "README.md"), "utf8"))?.[1];
  assert.ok(example, "the README has a ts block");
  mkdirSync(join(cwd, "node_modules"));
  symlinkSync(ROOT, join(cwd, "node_modules", "cnn-dist"));
  writeFileSync(join(cwd, "example.mjs"), example);
  const { stdout } = await promisify(execFile)(process.execPath, ["example.mjs"], { cwd });
  assert.deepEqual(
    stdout.match(/^step \d+/gm),
    [20, 40, 60, 80, 100].map((step) => `step ${step}`),
  );
  const accuracy = Number(/accuracy ([\d.]+), weights [0-9a-f]{64}\n$/.exec(stdout)?.[1]);
  assert.ok(accuracy > 0.5, stdout);
});

test("the links of README and docs lead to files", () => {
  for (const page of [
    "README.md",
    "docs/architecture.md",
    "docs/cli.md",
    "docs/library.md",
    "docs/getting-started.md",
  ]) {
    const text = readFileSync(join(ROOT, page), "utf8");
    for (const [, target = ""] of text.matchAll(/\]\(([^)#:]+)\)/g))
      assert.ok(existsSync(join(ROOT, page, "..", target)), `${page} links to ${target}`);
  }
});
