#!/usr/bin/env node
import { existsSync } from "node:fs";
import module from "node:module";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const entry = new URL("../dist/src/cli.js", import.meta.url);

// A fresh clone has no dist yet; a published package always has.
if (!existsSync(entry)) {
  const { spawnSync } = await import("node:child_process");
  process.stderr.write("building cnn-dist (first start in this clone) ...\n");
  const built = spawnSync("npm", ["run", "-s", "build"], { cwd: root, stdio: ["ignore", 2, 2] });
  if (built.status !== 0) {
    process.stderr.write(`cnn-dist: the build failed in ${root}. Run 'npm ci && npm run build' there.\n`);
    process.exit(1);
  }
}

module.enableCompileCache?.(); // Node 22 and later
const { main } = await import(entry.href);
process.exitCode = await main(process.argv.slice(2));
