/** Nodes of a real Slurm whose slurmd ends, and nothing else on them. Needs root, slurm-wlm, munge, iproute2 and util-linux. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Machine } from "../support/machines.js";
import { eventsOf, stepOf, weightsHere, weightsOf } from "../support/several-nodes.js";
import { submit } from "../support/slurm-job.js";

test("a node whose slurmd was killed is done without once Slurm ends it, and the job has not failed", async (context) => {
  const { cluster, runDir, output, reaches, ends } = await submit(context, 4000);
  const [, second] = cluster.nodes as [Machine, Machine];
  await reaches(50);
  await cluster.killDaemon(second);
  await reaches(stepOf(runDir) + 50);
  await cluster.restartDaemon(second); // which ends what it finds of a job that goes on without its node
  await ends();
  const lost = eventsOf(runDir).filter((event) => event.event === "node" && event.state === "lost");
  assert.equal(lost.length, 1);
  assert.equal(weightsOf(runDir), await weightsHere(context, 4000), output());
});
