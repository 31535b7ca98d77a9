/** Code runs only where its own user allowed that very file. Each module here leaves a mark when it is run. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { run, start } from "../support/cli.js";
import { fixturePath } from "../support/fixtures.js";
import { temporaryDirectory } from "../support/temporary.js";

const SMALL = "--dataset synthetic --dataset-option train=32 --dataset-option test=8 --batch-size 16 --steps 2".split(
  " ",
);

function marking(dir: string, name = "own.mjs") {
  const [path, mark] = [join(dir, name), join(dir, `${name}.was-run`)];
  writeFileSync(
    path,
    `import { appendFileSync } from "node:fs";
appendFileSync(${JSON.stringify(mark)}, "x");
export const createModel = (tf, { inputShape, classes }) =>
  tf.sequential({ layers: [tf.layers.flatten({ inputShape }), tf.layers.dense({ units: classes })] });
`,
  );
  return { path, runs: () => (existsSync(mark) ? readFileSync(mark, "utf8").length : 0) };
}

test("a worker runs what its own user named, by the hash, and nothing that a coordinator names", async (context) => {
  const cwd = temporaryDirectory(context);
  const own = marking(cwd);
  const other = marking(cwd, "other.mjs");
  writeFileSync(other.path, `${readFileSync(other.path, "utf8")}// another file`);
  const endpoint = `tcp://127.0.0.1:${20_002 + (process.pid % 20_000)}`;
  const coordinator = start(
    ["coordinator", "--bind", endpoint, "--gpus", "1", "--model", own.path, ...SMALL, "--run-dir", "far", "--json"],
    { cwd },
  );
  await coordinator.said('"event":"plan"');
  const worker = (...words: string[]) => run(["worker", "--connect", endpoint, "--device", "cpu", ...words], { cwd });
  for (const words of [[], ["--model-file", other.path]]) {
    const { code, stderr } = await worker(...words);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /"own\.mjs" with SHA-256 [0-9a-f]{64}.*start the worker with --model-file PATH/);
  }
  assert.equal(own.runs() + other.runs(), 0);
  const allowed = await worker("--model-file", other.path, "--model-file", own.path);
  assert.equal(allowed.code, 0, allowed.stderr);
  assert.equal((await coordinator.ended).code, 0);
  assert.equal(own.runs(), 1);
  assert.equal(other.runs(), 0);
});

test("a run's folder that somebody handed over runs no code, until the user says so", async (context) => {
  const cwd = temporaryDirectory(context);
  const own = marking(cwd);
  const image = fixturePath("images/gradient.png");
  const as = (user: string, ...words: string[]) => run(words, { cwd, env: { XDG_STATE_HOME: join(cwd, user) } });
  const trained = await as(
    "me",
    "launch",
    "--model",
    own.path,
    ...SMALL,
    "--device",
    "cpu",
    "--gpus",
    "1",
    "--run-dir",
    "run",
  );
  assert.equal(trained.code, 0, trained.stderr);
  const before = own.runs();
  const commands = [
    ["evaluate", "run", "--device", "cpu"],
    ["predict", "run", image, "--device", "cpu"],
    ["verify", "run", "--gpus", "1", "--device", "cpu"],
    ["resume", "run", "--steps", "3", "--gpus", "1", "--device", "cpu"],
  ];
  for (const words of commands) {
    const { code, stderr } = await as("you", ...words);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /own\.mjs \(SHA-256 [0-9a-f]{64}\)[\s\S]*--trust-model[\s\S]*cnn-dist launch --model/);
  }
  writeFileSync(join(cwd, "recipe.json"), JSON.stringify({ model: own.path, epochs: 1, batchSize: 16 }));
  const recipe = await as("you", "launch", "--recipe", "recipe.json", ...SMALL, "--run-dir", "other");
  assert.equal(recipe.code, 2, recipe.stderr);
  assert.match(recipe.stderr, /name it yourself: --model .*own\.mjs/);
  const data = await as("you", "export", "run", "--format", "safetensors");
  assert.equal(data.code, 0, data.stderr);
  assert.equal(own.runs(), before);

  for (const words of commands) {
    const [mine, trusting] = [await as("me", ...words), await as("you", ...words, "--trust-model")];
    assert.deepEqual([mine.code, trusting.code], [0, 0], `${mine.stderr}\n${trusting.stderr}`);
  }
  assert.ok(own.runs() > before);
  writeFileSync(own.path, `${readFileSync(own.path, "utf8")}// changed`);
  const changed = await as("me", "evaluate", "run", "--device", "cpu", "--trust-model");
  assert.equal(changed.code, 2, changed.stderr);
  assert.match(changed.stderr, /is not the one that this run was begun with/);
});
