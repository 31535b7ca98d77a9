/** A job of several nodes on a real Slurm, followed from outside. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { ROOT } from "./fixtures.js";
import type { Machine } from "./machines.js";
import { commandIn, stepOf, trainingOf, weightsOf } from "./several-nodes.js";
import { slurm } from "./slurm.js";
import { until } from "./until.js";

/** The batch script of deploy/slurm as a job of two nodes. */
export async function submit(context: TestContext, steps: number) {
  const cluster = await slurm(context, ["n1", "n2"]);
  const runDir = join(cluster.dir, "run");
  Object.assign(cluster.env, await commandIn(cluster.dir), { RUN_DIR: runDir });
  const script = join(ROOT, "deploy/slurm/launch.sbatch");
  const job = await cluster.ask("sbatch", "--parsable", script, ...trainingOf(steps));
  const queue = (format: string) => cluster.ask("squeue", "--noheader", "--states=all", format, `--jobs=${job}`);
  const state = () => queue("--format=%T");
  const why = () => queue("--format=%T %r");
  const output = () =>
    [`slurm-${job}.out`, "slurmctld.log"].map((file) => readFileSync(join(cluster.dir, file), "utf8")).join("\n");
  /**
   * Resolves when the job is back in the queue and nothing is left of it on the nodes, whose late word would be taken for the
   * next start's: Slurm makes a job wait two minutes for that, and here it is told not to. (Two seconds
   * remain, because credentials are revoked by the second.)
   */
  const requeued = async () => {
    const isLeft = async (node: Machine) => (await node.start(["pgrep", "-x", "slurmstepd"]).ended).code === 0;
    const waits = async () =>
      /^PENDING (?!None)/.test(await why()) && !(await Promise.all(cluster.nodes.map(isLeft))).some((left) => left);
    while (!(await waits())) await new Promise((resolve) => setTimeout(resolve, 200));
    await cluster.ask("scontrol", "update", `jobid=${job}`, "starttime=now+2");
  };
  const reaches = async (step: number) => {
    await until(() => stepOf(runDir) >= step || weightsOf(runDir) !== null);
    assert.equal(weightsOf(runDir), null, "the run was over before it could be disturbed");
  };
  const ends = async () => {
    for (let now = ""; !/^(COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL)$/.test(now); now = await state())
      await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(await state(), "COMPLETED", output());
  };
  return { cluster, runDir, job, output, requeued, reaches, ends };
}
