import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { ROOT } from "../support/fixtures.js";
import { scratch } from "../support/runs.js";

const PROMETHEUS = join(ROOT, "deploy", "prometheus");

for (const words of [
  ["check", "config", "prometheus.yml"],
  ["check", "rules", "rules.yml"],
  ["test", "rules", "rules.test.yml"],
]) {
  test(`promtool ${words.join(" ")}`, () => {
    const { status, stdout, stderr } = spawnSync("promtool", words, { cwd: PROMETHEUS, encoding: "utf8" });
    assert.equal(status, 0, stdout + stderr);
  });
}

test("every alert is tested, firing and silent", () => {
  const alerts = [...readFileSync(join(PROMETHEUS, "rules.yml"), "utf8").matchAll(/alert: (\w+)/g)].map(
    (match) => match[1]!,
  );
  const cases = readFileSync(join(PROMETHEUS, "rules.test.yml"), "utf8").split("  - interval:");
  for (const alert of alerts) {
    const mine = cases.filter((text) => text.includes(`alertname: ${alert}\n`));
    assert.ok(
      mine.some((text) => text.includes("exp_alerts: []")) && mine.some((text) => !text.includes("exp_alerts: []")),
      alert,
    );
  }
});

test("the dashboard that Grafana reads is the one that the code makes", async () => {
  const { dashboard } = (await import(pathToFileURL(join(ROOT, "deploy/grafana/dashboard.mjs")).href)) as {
    dashboard: () => unknown;
  };
  assert.deepEqual(
    JSON.parse(readFileSync(join(ROOT, "deploy/grafana/dashboards/cnn-dist.json"), "utf8")),
    dashboard(),
  );
});

/** Runs the Slurm script in a folder where `cnn-dist` and `scontrol` are stand-ins that write down their words. */
async function sbatch(dir: string, cnnDist: string, signal?: NodeJS.Signals) {
  const bin = join(dir, "bin");
  mkdirSync(bin, { recursive: true });
  const stand = (name: string, then: string) =>
    writeFileSync(join(bin, name), `#!/bin/bash\n${then}\n`, { mode: 0o755 });
  stand("cnn-dist", `trap 'sleep 0.3; exit 75' USR1\necho "$@" >>"${dir}/words"\necho begun\n${cnnDist}`);
  stand("scontrol", `echo scontrol "$@" >>"${dir}/words"`);
  const job = spawn("bash", [join(ROOT, "deploy/slurm/cnn-dist.sbatch")], {
    env: { PATH: `${bin}:${process.env.PATH}`, RUN_DIR: join(dir, "run"), SLURM_JOB_ID: "7", SLURM_JOB_NAME: "name" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (signal) job.stdout.once("data", () => job.kill(signal));
  else job.stdout.resume();
  const code = await new Promise<number | null>((resolve) => job.once("exit", resolve));
  return { code, words: readFileSync(join(dir, "words"), "utf8").trim().split("\n") };
}

const LOOP = "while :; do sleep 0.05; done";
const runOf = (context: TestContext, files: readonly string[]) => {
  const dir = scratch(context);
  for (const file of files) {
    mkdirSync(join(dir, "run", file, ".."), { recursive: true });
    writeFileSync(join(dir, "run", file), "");
  }
  return dir;
};

test("Slurm: before the time limit the run saves, and the job is put back into the queue", async (context) => {
  const dir = scratch(context);
  const { code, words } = await sbatch(dir, LOOP, "SIGUSR1");
  assert.equal(code, 75);
  assert.deepEqual(words, [`launch --model vgg13 --run-dir ${dir}/run`, "scontrol requeue 7"]);
});

test("Slurm: a job that is cancelled saves, and is not put back", async (context) => {
  const dir = scratch(context);
  const { code, words } = await sbatch(dir, LOOP, "SIGTERM");
  assert.equal(code, 75);
  assert.deepEqual(words, [`launch --model vgg13 --run-dir ${dir}/run`]);
});

test("Slurm: a run that is done or failed is not put back", async (context) => {
  for (const code of [0, 1, 2]) {
    const dir = scratch(context);
    const ended = await sbatch(dir, `exit ${code}`);
    assert.equal(ended.code, code);
    assert.equal(ended.words.length, 1);
  }
});

test("Slurm: a run is resumed, with a checkpoint or without, and a folder that is no run left alone", async (context) => {
  const whole = runOf(context, ["recipe.json", "checkpoints/step-00000020/manifest.json"]);
  assert.deepEqual((await sbatch(whole, "exit 0")).words, [`resume ${whole}/run`]);

  const unfinished = runOf(context, ["recipe.json", "checkpoints/step-00000020.tmp/state.json"]);
  assert.deepEqual((await sbatch(unfinished, "exit 0")).words, [`resume ${unfinished}/run`]);

  const other = runOf(context, ["thesis.tex"]);
  assert.deepEqual((await sbatch(other, "exit 0")).words, [`launch --model vgg13 --run-dir ${other}/run`]);
  assert.ok(existsSync(join(other, "run", "thesis.tex")));
});
