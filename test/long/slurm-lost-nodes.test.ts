/**
 * Machines of a real Slurm that lose their power, the coordinator's among them: minutes, most of them spent waiting for the
 * lock of a holder that cannot be seen. Needs root, slurm-wlm, munge, iproute2 and util-linux.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Machine } from "../support/machines.js";
import { stepOf, weightsHere, weightsOf } from "../support/several-nodes.js";
import { submit } from "../support/slurm-job.js";

test("a job goes on without a node that is lost, and starts again with the node of its coordinator", async (context) => {
  const { cluster, runDir, output, requeued, reaches, ends } = await submit(context, 800);
  const [first, second] = cluster.nodes as [Machine, Machine];
  await reaches(50);
  await second.powerOff();
  await reaches(stepOf(runDir) + 50);
  await first.powerOff();
  for (const node of [first, second]) {
    await node.powerOn();
    await cluster.startNode(node);
  }
  await requeued();
  await ends();
  assert.equal(weightsOf(runDir), await weightsHere(context, 800), output());
});
