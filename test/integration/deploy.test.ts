import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
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

/** Runs the Slurm script in a folder where `cnn-dist`, `srun` and `scontrol` are stand-ins that write down their words. */
async function sbatch(
  dir: string,
  cnnDist: string,
  { signal, node = 0 }: { signal?: NodeJS.Signals; node?: number } = {},
) {
  const bin = join(dir, "bin");
  mkdirSync(bin, { recursive: true });
  const stand = (name: string, then: string) =>
    writeFileSync(join(bin, name), `#!/bin/bash\n${then}\n`, { mode: 0o755 });
  stand("cnn-dist", `trap 'sleep 0.3; exit 75' USR1 TERM\necho "$@" >>"${dir}/words"\necho begun\n${cnnDist}`);
  stand("scontrol", `echo scontrol "$@" >>"${dir}/words"`);
  // srun hands its signals on to all of the task: its shell and what that started.
  stand(
    "srun",
    `while [[ $1 == --* ]]; do shift; done\nset -m; "$@" & trap 'kill -USR1 -- -$!' USR1 TERM\nwhile s=; wait $!; c=$?; [ $c -gt 128 ]; do :; done; exit $c`,
  );
  const job = spawn("bash", [join(ROOT, "deploy/slurm/launch.sbatch"), "--model", "vgg13"], {
    env: {
      PATH: `${bin}:${process.env.PATH}`,
      RUN_DIR: join(dir, "run"),
      SLURM_JOB_ID: "7",
      SLURM_JOB_NAME: "name",
      SLURM_NODEID: String(node),
      SLURMD_NODENAME: "n1",
    },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let stderr = "";
  job.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  // Notice comes to the script alone; the end of a job to all its processes.
  const target = signal === "SIGTERM" ? -job.pid! : job.pid!;
  if (signal) job.stdout.once("data", () => process.kill(target, signal));
  else job.stdout.resume();
  const code = await new Promise<number | null>((resolve) => job.once("exit", resolve));
  return { code, stderr, words: readFileSync(join(dir, "words"), "utf8").trim().split("\n") };
}

const LOOP = "while :; do sleep 0.05; done";
const launch = (dir: string) => `launch --run-dir ${dir}/run --auto-resume --model vgg13`;

test("Slurm: before the time limit the run saves, and the job is put back into the queue", async (context) => {
  const dir = scratch(context);
  const { code, words } = await sbatch(dir, LOOP, { signal: "SIGUSR1" });
  assert.equal(code, 75);
  assert.deepEqual(words, [launch(dir), "scontrol requeue 7"]);
});

test("Slurm: a job that is cancelled saves, and is not put back", async (context) => {
  const dir = scratch(context);
  const { code, words } = await sbatch(dir, LOOP, { signal: "SIGTERM" });
  assert.equal(code, 75);
  assert.deepEqual(words, [launch(dir)]);
});

test("Slurm: a run that is done or failed is not put back", async (context) => {
  for (const code of [0, 1, 2]) {
    const dir = scratch(context);
    const ended = await sbatch(dir, `exit ${code}`);
    assert.equal(ended.code, code);
    assert.equal(ended.words.length, 1);
  }
});

test("Slurm: how another node than the first ended is told, and is not the job's end", async (context) => {
  const { code, stderr } = await sbatch(scratch(context), "exit 1", { node: 1 });
  assert.equal(code, 0);
  assert.match(stderr, /^node 1 on n1 ended with 1$/m);
});
