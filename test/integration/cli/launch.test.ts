import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { BIN, run, start, startProcess } from "../../support/cli.js";
import { temporaryDirectory } from "../../support/temporary.js";

/** Small enough to end within seconds, and on the CPU whatever the machine has. */
const SMALL = [
  ..."--device cpu --model lenet5 --dataset synthetic --batch-size 16 --lr 0.003".split(" "),
  ..."--dataset-option train=64 --dataset-option test=20".split(" "),
];
const ENDLESS = [...SMALL, "--epochs", "100000", "--evaluate-every-epochs", "100000"];

interface JsonEvent {
  event: string;
  [key: string]: unknown;
}
const eventsOf = (stdout: string) =>
  stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as JsonEvent);

test("--json gives one object a line and nothing else on stdout, the last of them done", async (context) => {
  const cwd = temporaryDirectory(context);
  const { code, stdout, stderr } = await run(
    ["launch", "--gpus", "2", ...SMALL, "--steps", "8", "--run-dir", "run", "--json"],
    { cwd },
  );
  assert.equal(code, 0, stderr);
  const events = eventsOf(stdout);
  assert.equal(events[0]?.event, "plan");
  assert.deepEqual(
    events.filter(({ event }) => event === "step").map(({ step }) => step),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  const done = events.at(-1)!;
  assert.equal(done.event, "done");
  assert.match(String(done.weights_sha256), /^[0-9a-f]{64}$/);
  assert.ok(events.some(({ event }) => event === "eval") && events.some(({ event }) => event === "checkpoint"));
  for (const { event } of events) assert.match(event, /^(plan|worker|step|eval|checkpoint|done)$/);

  const replay = await run(["verify", "run", "--workers", "1", "--device", "cpu"], { cwd });
  assert.equal(replay.code, 0, replay.stderr);
  assert.match(replay.stdout, /^bit-identical: the first 8 steps of run left the same weights/);

  const path = join(cwd, "run", "replay.jsonl");
  const lines = readFileSync(path, "utf8").split("\n");
  lines[4] = lines[4]!.replace(/("parameters":\{"[^"]+":")[0-9a-f]{4}/, "$1ffff");
  writeFileSync(path, lines.join("\n"));
  const tampered = await run(["verify", "run", "--workers", "1", "--device", "cpu"], { cwd });
  assert.equal(tampered.code, 1, tampered.stderr);
  assert.match(tampered.stdout, /^different: first at step 5, /);
});

test("without --json the closing summary alone is on stdout; a dry run leaves nothing behind", async (context) => {
  const cwd = temporaryDirectory(context);
  const plan = await run(["launch", ...SMALL, "--steps", "3", "--dry-run"], { cwd });
  assert.equal(plan.code, 0, plan.stderr);
  assert.equal(plan.stdout, "");
  assert.match(plan.stderr, /^cnn-dist \S+ · lenet5 on synthetic\n/);
  assert.match(plan.stderr, /62,006 parameters/);
  assert.deepEqual(readdirSync(cwd), []);
  const { code, stdout, stderr } = await run(["launch", ...SMALL, "--steps", "3", "--run-dir", "run"], { cwd });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^done after step 3, /);
  assert.match(stdout, /\ncheckpoint {2}\/.*step-00000003\n/);
  assert.match(stderr, /step 3\/3|step 1\/3/);
  assert.doesNotMatch(stderr, new RegExp(String.fromCharCode(27)), "no escape codes where there is no terminal");

  const again = await run(["launch", ...SMALL, "--steps", "3", "--run-dir", "run"], { cwd });
  assert.equal(again.code, 2);
  assert.match(again.stderr, /holds a run already\. Resume it/);

  const resume = (...words: string[]) => run(["resume", "run", "--workers", "1", "--device", "cpu", ...words], { cwd });
  const shorter = await resume("--steps", "2");
  assert.equal(shorter.code, 2, shorter.stderr);
  assert.match(
    shorter.stderr,
    /the run is at step 3 already, and --steps 2 is shorter\. Give a length of 3 steps or more/,
  );
  assert.equal(shorter.stdout, "");
  const same = await resume();
  assert.equal(same.code, 0, same.stderr);
  assert.match(same.stderr, /at its end already, step 3: no step is left to do/);
});

test("a model that failed before its first step is mended and begun anew in the same folder", async (context) => {
  const cwd = temporaryDirectory(context);
  const model = join(cwd, "own.mjs");
  const write = (layers: string) =>
    writeFileSync(
      model,
      `export const createModel = (tf, { inputShape, classes }) =>
  tf.sequential({ layers: [tf.layers.flatten({ inputShape }), ${layers}({ units: classes })] });
`,
    );
  const launch = () => run(["launch", ...SMALL, "--model", model, "--steps", "1", "--run-dir", "run"], { cwd });
  write("tf.layers.dens");
  const failed = await launch();
  assert.equal(failed.code, 2, failed.stderr);
  assert.match(failed.stderr, /tf\.layers\.dens is not a function/);
  write("tf.layers.dense");
  const mended = await launch();
  assert.equal(mended.code, 0, mended.stderr);
  assert.match(mended.stdout, /^done after step 1, /);
  // Whichever worker failed first ended the run, and the other was told to stop.
  const logs = readdirSync(join(cwd, "run", "logs")).map((name) =>
    readFileSync(join(cwd, "run", "logs", name), "utf8"),
  );
  assert.match(logs.join(), /dens is not a function/, "the logs of the first launch are kept");
  const again = await launch();
  assert.equal(again.code, 2);
  assert.match(again.stderr, /holds a run already/);
});

test("each signal in mid-training is answered, saves, ends with 75, and the run can be resumed", async (context) => {
  const cwd = temporaryDirectory(context);
  const json = ["--gpus", "1", "--device", "cpu", "--json"];
  let [words, step] = [["launch", ...ENDLESS, "--run-dir", "run", ...json], 0];
  for (const signal of ["SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP", "SIGQUIT"] as const) {
    const started = start(words, { cwd });
    await started.said(`"step":${step + 3},`);
    started.child.kill(signal);
    await started.said(`${signal}: stopping; what is done is saved.`);
    const { code, stdout, stderr } = await started.ended;
    assert.equal(code, 75, stderr);
    const events = eventsOf(stdout);
    assert.equal(events.find(({ event }) => event === "step")!.step, step + 1, "it goes on where the last one stopped");
    const stopped = events.at(-1)!;
    assert.equal(stopped.event, "stopped");
    assert.ok(existsSync(join(String(stopped.checkpoint), "manifest.json")));
    assert.match(String(stopped.resume_command), /^cnn-dist resume .*run$/);
    step = Number(stopped.step);
    words = ["resume", "run", ...json];
  }
  const resumed = await run([...words, "--steps", String(step + 2)], { cwd });
  assert.equal(resumed.code, 0, resumed.stderr);
  const steps = eventsOf(resumed.stdout).filter(({ event }) => event === "step");
  assert.deepEqual(
    steps.map((each) => each.step),
    [step + 1, step + 2],
  );
});

test("a signal before anything is trained ends the run at once, with 75", async (context) => {
  const cwd = temporaryDirectory(context);
  const started = start(["launch", ...ENDLESS, "--run-dir", "run"], { cwd });
  await started.said("cnn-dist ");
  started.child.kill("SIGINT");
  const { code, stderr } = await started.ended;
  assert.equal(code, 75, stderr);
});

test("a second Ctrl-C aborts with 130 and leaves no worker behind", async (context) => {
  const cwd = temporaryDirectory(context);
  const started = start(["launch", "--gpus", "1", ...ENDLESS, "--run-dir", "run", "--json"], { cwd });
  await started.said('"step":2,');
  const pid = Number(readFileSync(join(cwd, "run", "metrics.jsonl"), "utf8").match(/"pid":(\d+)/)?.[1]);
  assert.ok(pid > 0, "the worker's pid is in metrics.jsonl");
  process.kill(pid, "SIGSTOP"); // a frozen worker is waited for, so that the stop cannot win
  started.child.kill("SIGINT");
  await started.said("SIGINT: stopping");
  started.child.kill("SIGINT");
  await started.said(/^aborted$/m); // and no checkpoint is named, since there is none yet
  const { code } = await started.ended;
  assert.equal(code, 130);
  while (isAlive(pid)) await sleep(10);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("when the last worker dies, the screen says who, why, and how to go on; exit 1", async (context) => {
  const cwd = temporaryDirectory(context);
  const words = ["launch", "--gpus", "1", ...ENDLESS, "--run-dir", "run", "--max-restarts", "0", "--json"];
  const started = start([...words, "--checkpoint-every-steps", "2"], { cwd });
  await started.said('"event":"checkpoint"');
  process.kill(Number(readFileSync(join(cwd, "run", "metrics.jsonl"), "utf8").match(/"pid":(\d+)/)?.[1]), "SIGKILL");
  const { code, stderr } = await started.ended;
  assert.equal(code, 1);
  assert.match(stderr, /no worker is left .*rank 0: .*SIGKILL/);
  assert.match(stderr, /The last lines of its log:\n/);
  assert.match(stderr, /Go on from it with: cnn-dist resume .*run\n$/);
});

test("a reader that has seen enough stops the run as a signal does: saved, 75", async (context) => {
  const cwd = temporaryDirectory(context);
  const started = start(["launch", "--gpus", "1", ...ENDLESS, "--run-dir", "run", "--json"], { cwd });
  await started.said('"step":3,');
  started.child.stdout?.destroy();
  const { code, stderr } = await started.ended;
  assert.equal(code, 75, stderr);
  assert.match(stderr, /the reader of stdout is gone: stopping; what is done is saved/);
  assert.match(stderr, /\nGo on with: cnn-dist resume .*run\n$/, "the summary, which says so, is lost");
  assert.doesNotMatch(stderr, /EPIPE|Error|\n\s+at /);
  assert.match(readdirSync(join(cwd, "run", "checkpoints")).join(), /^step-\d+$/);
  assert.ok(!existsSync(join(cwd, "run", "lock")));
});

test("so it is when nobody reads its messages any more", async (context) => {
  const cwd = temporaryDirectory(context);
  const started = start(["launch", "--gpus", "1", ...ENDLESS, "--run-dir", "run"], { cwd });
  await started.said("step 1/");
  started.child.stderr?.destroy();
  const { code, stdout } = await started.ended;
  assert.equal(code, 75);
  assert.match(stdout, /^stopped after step .*\nresume {6}cnn-dist resume /s);
});

test("a hang-up is ignored under nohup, also when a script stands between", async (context) => {
  const node = JSON.stringify(process.execPath);
  const words = ["launch", "--gpus", "1", ...ENDLESS, "--run-dir", "run", "--json"].join(" ");
  const command = `${node} ${JSON.stringify(BIN)} ${words}`;
  for (const line of [`nohup ${command}`, `nohup bash -c '${command}; exit $?'`]) {
    const cwd = temporaryDirectory(context);
    const started = startProcess("bash", ["-c", line], { cwd });
    await started.said('"step":3,');
    const pid = Number(JSON.parse(readFileSync(join(cwd, "run", "lock"), "utf8")).pid);
    process.kill(pid, "SIGHUP");
    const step = Number(started.output.stdout.match(/"step":(\d+),(?!.*"step")/s)?.[1]);
    await started.said(`"step":${step + 20},`);
    process.kill(pid, "SIGTERM");
    const { code, stderr } = await started.ended;
    assert.equal(code, 75, stderr);
    assert.doesNotMatch(stderr, /SIGHUP/);
  }
});
