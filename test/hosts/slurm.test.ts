/** On a real Slurm of two nodes. Needs root, slurm-wlm, munge, iproute2 and util-linux. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import type { Place } from "../../src/cluster/place.js";
import { ROOT } from "../support/fixtures.js";
import { eventsOf, stepOf, weightsHere, weightsOf } from "../support/several-nodes.js";
import { type Slurm, slurm } from "../support/slurm.js";
import { submit } from "../support/slurm-job.js";

/** A program that prints where it stands, as a line of JSON. */
const PLACE = [
  process.execPath,
  "--input-type=module",
  "--eval",
  `import { placeOf } from ${JSON.stringify(pathToFileURL(join(ROOT, "dist/src/cluster/place.js")).href)};
   console.log(JSON.stringify(placeOf(process.env)));`,
];

async function placesOf({ ask }: Slurm, ...words: string[]): Promise<Place[]> {
  const lines = (await ask(...words, ...PLACE)).split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line) => JSON.parse(line) as Place).sort((a, b) => a.nodeRank - b.nodeRank);
}

test("every node of a step finds its place, and whatever is one process is a machine alone", async (context) => {
  const cluster = await slurm(context, ["n1", "n2"]);
  const places = await placesOf(cluster, "srun", "--nodes=2", "--ntasks-per-node=1");
  assert.deepEqual(
    places.map(({ launcher, nodes, nodeRank, rendezvous }) => ({ launcher, nodes, nodeRank, host: rendezvous?.host })),
    [0, 1].map((nodeRank) => ({ launcher: "Slurm", nodes: 2, nodeRank, host: "n1" })),
  );
  assert.equal(places[0]!.rendezvous!.port, places[1]!.rendezvous!.port);

  const alone = [
    await placesOf(cluster, "salloc", "--nodes=2", "--ntasks=4", "--overcommit"),
    await placesOf(cluster, "srun", "--nodes=1", "--ntasks=1"),
  ].flat();
  assert.deepEqual(
    alone.map(({ nodes, nodeRank, rendezvous }) => [nodes, nodeRank, rendezvous]),
    [
      [1, 0, null],
      [1, 0, null],
    ],
  );
  await assert.rejects(
    placesOf(cluster, "srun", "--nodes=2", "--ntasks=4", "--overcommit"),
    /SLURM_STEP_NUM_TASKS=4, and SLURM_STEP_NUM_NODES=2: one process is needed on each machine/,
  );
});

test("sbatch trains on two nodes to the weights of one machine, through a requeue and through notice of its end", async (context) => {
  const { cluster, runDir, job, output, requeued, reaches, ends } = await submit(context, 600);
  await reaches(50);
  await cluster.ask("scontrol", "requeue", job);
  await requeued();
  await reaches(stepOf(runDir) + 50);
  await cluster.ask("scancel", "--batch", "--signal=USR1", job); // what --signal=B:USR1@120 sends
  await requeued();
  await ends();
  assert.equal(weightsOf(runDir), await weightsHere(context, 600), output());
  assert.equal(eventsOf(runDir).filter(({ event }) => event === "plan").length, 3);
});
