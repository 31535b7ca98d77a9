/** A run over three machines whose coordinator is lost and started again under nodes that live on. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Started } from "./cli.js";
import { type Machine, machines } from "./machines.js";
import { scratch } from "./runs.js";
import { commandIn, eventsOf, stepOf, trainingOf, weightsHere, weightsOf } from "./several-nodes.js";
import { until } from "./until.js";

/**
 * Resolves when the run has ended, with the same nodes all the time, in the weights of one machine. `lose` takes the coordinator
 * away, `times` times in all; `options`: of every machine's command.
 */
export async function outlived(
  context: TestContext,
  { steps, times, options = [] }: { steps: number; times: number; options?: readonly string[] },
  lose: (first: Machine, coordinator: Started) => Promise<void>,
): Promise<void> {
  // The bridge is the first machine's, which stays on.
  const [, ...all] = await machines(context, ["switch", "n0", "n1", "n2"]);
  const dir = scratch(context);
  const runDir = join(dir, "run");
  const env = await commandIn(dir);
  const launch = (rank: number): Started => {
    const where = ["--nodes", "3", "--node-rank", `${rank}`, "--rendezvous", `${all[0]!.address}:5555`];
    const run = ["--run-dir", runDir, "--auto-resume", "--checkpoint-every-steps", "25"];
    return all[rank]!.start(["cnn-dist", "launch", ...trainingOf(steps), ...where, ...run, ...options], { env });
  };
  const reaches = async (step: number) => {
    await until(() => stepOf(runDir) >= step || weightsOf(runDir) !== null);
    assert.equal(weightsOf(runDir), null, "the run was over before it could be disturbed");
  };
  /** Of the run's newest start. */
  const allCompute = (starts: number) => {
    const events = eventsOf(runDir);
    const plans = events.filter(({ event }) => event === "plan").length;
    const begun = events.findLastIndex(({ event }) => event === "plan");
    return (
      plans === starts &&
      events.slice(begun).some((event) => event.event === "step" && Object.keys(event.ranks).length === 3)
    );
  };
  let coordinator = launch(0);
  const nodes = [launch(1), launch(2)];
  for (let time = 1; time <= times; time++) {
    await until(() => allCompute(time));
    await reaches(stepOf(runDir) + 60);
    await lose(all[0]!, coordinator);
    coordinator = launch(0);
  }
  await until(() => allCompute(times + 1) || weightsOf(runDir) !== null);
  assert.ok(allCompute(times + 1), "the nodes have a part in what is left");
  for (const each of [coordinator, ...nodes]) assert.equal((await each.ended).code, 0, each.output.stderr);
  for (const node of nodes) assert.match(node.output.stderr, /the coordinator is gone; node \d waits \d+ s for one/);
  assert.equal(weightsOf(runDir), await weightsHere(context, steps));
}
