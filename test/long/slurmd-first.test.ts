/**
 * The first node of a job on a real Slurm, whose slurmd ends and nothing else on it: Slurm takes the node out of the job, with the
 * script and the coordinator. Needs root, slurm-wlm, munge, iproute2 and util-linux.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Machine } from "../support/machines.js";
import { weightsHere, weightsOf } from "../support/several-nodes.js";
import { submit } from "../support/slurm-job.js";

test("a job whose first node loses its slurmd is put back, and resumes where it was", async (context) => {
  const { cluster, runDir, output, requeued, reaches, ends } = await submit(context, 3000);
  const [first] = cluster.nodes as [Machine, Machine];
  await reaches(50);
  await cluster.killDaemon(first);
  await cluster.restartDaemon(first); // which ends the script and the coordinator that it finds
  await requeued(); // by the other node, once it has waited for a coordinator
  await ends();
  assert.equal(weightsOf(runDir), await weightsHere(context, 3000), output());
});
