/** A disk that is full costs records and logs, and never the training. /dev/full refuses every byte as such a disk does. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BIN, run, start, startProcess } from "../../support/cli.js";
import { temporaryDirectory } from "../../support/temporary.js";
import { tensorflowDir } from "../../support/tensorflow.js";

const WORDS = [
  ..."launch --device cpu --gpus 1 --model lenet5 --dataset synthetic --batch-size 16 --steps 3 --run-dir run".split(
    " ",
  ),
  ..."--dataset-option train=64 --dataset-option test=20".split(" "),
];

test("records and logs that cannot be written are warned of once; the run ends as it should", async (context) => {
  const cwd = temporaryDirectory(context);
  const sockets = join(cwd, "rt");
  mkdirSync(sockets, { mode: 0o700 });
  mkdirSync(join(cwd, "run", "logs"), { recursive: true });
  for (const name of ["metrics.jsonl", "replay.jsonl", "logs/coordinator.log", "logs/rank-0.log"])
    symlinkSync("/dev/full", join(cwd, "run", name));
  const { code, stdout, stderr } = await run(WORDS, { cwd, env: { XDG_RUNTIME_DIR: sockets } });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^done after step 3/);
  assert.equal(stderr.match(/ENOSPC/g)?.length, 1, stderr);
  assert.match(stderr, /metrics\.jsonl cannot be written .*The training goes on/);
  assert.ok(!existsSync(join(cwd, "run", "lock")));
  assert.deepEqual(readdirSync(sockets), []);
  assert.deepEqual(readdirSync(join(cwd, "run", "checkpoints")), ["step-00000003"]);
});

test("so does standard output", async (context) => {
  const cwd = temporaryDirectory(context);
  const words = [BIN, ...WORDS, "--json"].map((word) => JSON.stringify(word)).join(" ");
  const started = startProcess("bash", ["-c", `${JSON.stringify(process.execPath)} ${words} >/dev/full`], {
    cwd,
    env: { CNN_DIST_TENSORFLOW: await tensorflowDir() },
  });
  const { code, stderr } = await started.ended;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /stdout cannot be written any more: ENOSPC/);
  assert.doesNotMatch(stderr, /\n\s+at /);
  assert.deepEqual(readdirSync(join(cwd, "run", "checkpoints")), ["step-00000003"]);
});

test("a folder that is gone for a while costs checkpoints, with a warning each, and no bits; at its end it must be there", async (context) => {
  const cwd = temporaryDirectory(context);
  const env = { CNN_DIST_TENSORFLOW: await tensorflowDir() };
  const words = (runDir: string, steps: number, ...more: string[]) => [
    ...WORDS.map((word) => (word === "run" ? runDir : word === "train=64" ? "train=8000" : word)),
    ...["--steps", `${steps}`, "--evaluate-every-epochs", "0", "--json", ...more],
  ];
  const often = ["--checkpoint-every-steps", "1"];
  const lastOf = (stdout: string) => JSON.parse(stdout.trim().split("\n").at(-1)!) as { weights_sha256: string };
  const whole = await run(words("whole", 300), { cwd, env });
  assert.equal(whole.code, 0, whole.stderr);

  const disturbed = start(words("run", 300, ...often, "--checkpoint-failures", "100000"), { cwd, env });
  await disturbed.said('"event":"checkpoint"');
  renameSync(join(cwd, "run"), join(cwd, "elsewhere"));
  await disturbed.said('"failures":2,');
  renameSync(join(cwd, "elsewhere"), join(cwd, "run"));
  const { code, stdout, stderr } = await disturbed.ended;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /warning .*step \d+: the checkpoint could not be written to .*ENOENT.*Put the folder back/);
  assert.equal(lastOf(stdout).weights_sha256, lastOf(whole.stdout).weights_sha256);
  assert.ok(readdirSync(join(cwd, "run", "checkpoints")).includes("step-00000300"));

  const lost = start(words("lost", 100_000, ...often), { cwd, env });
  await lost.said('"event":"checkpoint"');
  renameSync(join(cwd, "lost"), join(cwd, "elsewhere"));
  const end = await lost.ended;
  assert.equal(end.code, 1, end.stderr);
  assert.match(
    end.stderr,
    /As many as --checkpoint-failures 10 allows: the run ends, and nothing after step \d+ is saved/,
  );
  assert.ok(!existsSync(join(cwd, "lost")), "nothing is made of a folder that is gone");
});

test("a result that could not be written is no success", async (context) => {
  const cwd = temporaryDirectory(context);
  for (const words of ["summary lenet5", "models --json", "--help"]) {
    const line = `${JSON.stringify(process.execPath)} ${JSON.stringify(BIN)} ${words} >/dev/full`;
    const { code, stderr } = await startProcess("bash", ["-c", line], { cwd }).ended;
    assert.equal(code, 1, words);
    assert.match(stderr, /stdout cannot be written any more: ENOSPC/);
  }
});
