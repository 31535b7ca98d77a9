/** On a real Slurm of two nodes. Needs root, slurm-wlm, munge, iproute2 and util-linux. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import type { Place } from "../../src/cluster/place.js";
import { ROOT } from "../support/fixtures.js";
import type { Machine } from "../support/machines.js";
import { commandIn, eventsOf, stepOf, trainingOf, weightsHere, weightsOf } from "../support/several-nodes.js";
import { type Slurm, slurm } from "../support/slurm.js";
import { until } from "../support/until.js";

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

/** The batch script of deploy/slurm as a job of two nodes. */
async function submit(context: TestContext, steps: number) {
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
