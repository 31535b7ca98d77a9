import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../../support/cli.js";
import { temporaryDirectory } from "../../support/temporary.js";

test("a dry run installs nothing, and says what the run would install", async (context) => {
  const cwd = temporaryDirectory(context);
  const python = join(cwd, "python3");
  const asked = join(cwd, "asked");
  writeFileSync(python, `#!/bin/sh\ncase "$*" in *pip*) echo "$*" >>${asked};; esac\nexit 1\n`, { mode: 0o755 });
  const cache = join(cwd, "cache");
  const words = "launch --dry-run --device cpu --dataset synthetic --model lenet5 --steps 3 --run-dir run".split(" ");
  const { code, stderr } = await run(words, {
    cwd,
    env: { CNN_DIST_TENSORFLOW: "", CNN_DIST_CACHE: cache, CNN_DIST_PYTHON: python },
  });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /62,006 parameters/);
  assert.match(
    stderr.replace(/\s+/g, " "),
    /predicted a step takes about [\d.,]+ ms: computing .* efficiency \d+%: 2 workers/,
  );
  assert.match(stderr, /TensorFlow's library is not on this machine yet.*cnn-dist setup/s);
  assert.ok(!existsSync(asked), "pip was not asked");
  assert.ok(!existsSync(join(cache, "tensorflow")) || readdirSync(join(cache, "tensorflow")).length === 0);
  assert.ok(!existsSync(join(cwd, "run")));
});
