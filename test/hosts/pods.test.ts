/** The environments that launchers make, and the names of their pods, on machines of this one: they train. Needs root and iproute2. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createKeys } from "../../src/transport/key-folder.js";
import { machines } from "../support/machines.js";
import { scratch } from "../support/runs.js";
import { commandIn, stepOf, trainingOf, weightsHere, weightsOf } from "../support/several-nodes.js";
import { until } from "../support/until.js";

interface Launched {
  what: string;
  /** What the machines are called, and are known as; the first is node 0. */
  names: readonly [string, string];
  /** Of node n, beside HOSTNAME. */
  env: (node: number) => Record<string, string>;
  words?: readonly string[];
}

/** Where these variables are from: test/unit/cluster/launchers.test.ts. */
const LAUNCHED: readonly Launched[] = [
  {
    what: "a JobSet",
    names: ["cnn-dist-node-0-0 cnn-dist-node-0-0.cnn-dist", "cnn-dist-node-1-0 cnn-dist-node-1-0.cnn-dist"],
    env: (node) => ({
      JOBSET_NAME: "cnn-dist",
      JOBSET_REPLICAS: "2",
      JOBSET_RESTART_ATTEMPT: "0",
      JOBSET_COORDINATOR: "cnn-dist-node-0-0.cnn-dist",
      JOB_INDEX: String(node),
      JOB_COMPLETION_INDEX: "0",
    }),
  },
  {
    what: "an indexed Job",
    names: ["cnn-dist-0 cnn-dist-0.cnn-dist", "cnn-dist-1 cnn-dist-1.cnn-dist"],
    env: (node) => ({ JOB_COMPLETION_INDEX: String(node) }),
    words: ["--nodes", "2"],
  },
  {
    what: "a TrainJob",
    names: ["vgg13-node-0-0 vgg13-node-0-0.vgg13", "vgg13-node-0-1 vgg13-node-0-1.vgg13"],
    env: (node) => ({
      JOB_COMPLETION_INDEX: String(node),
      PET_NNODES: "2",
      PET_NPROC_PER_NODE: "8",
      PET_NODE_RANK: String(node),
      PET_MASTER_ADDR: "vgg13-node-0-0.vgg13",
      PET_MASTER_PORT: "29500",
    }),
  },
  {
    what: "torchrun",
    names: ["node1", "node2"],
    env: (node) => ({
      RANK: String(node),
      WORLD_SIZE: "2",
      LOCAL_RANK: "0",
      LOCAL_WORLD_SIZE: "1",
      GROUP_RANK: String(node),
      GROUP_WORLD_SIZE: "2",
      MASTER_ADDR: "node1",
      MASTER_PORT: "29500",
      TORCHELASTIC_RESTART_COUNT: "0",
      TORCHELASTIC_RUN_ID: "none",
    }),
  },
  {
    what: "mpirun",
    names: ["node1", "node2"],
    env: (node) => ({
      OMPI_COMM_WORLD_SIZE: "2",
      OMPI_COMM_WORLD_RANK: String(node),
      OMPI_COMM_WORLD_LOCAL_SIZE: "1",
      OMPI_COMM_WORLD_LOCAL_RANK: "0",
    }),
    words: ["--rendezvous", "node1:5555"],
  },
];

const STEPS = 40;

/** Machines with the keys of a Secret, and the command that starts node n of the run. */
async function pods(context: TestContext, { names, env, words = [] }: Launched, steps: number) {
  const dir = scratch(context);
  const keys = join(dir, "keys");
  createKeys(keys, "worker");
  const runDir = join(dir, "run");
  const common = { ...(await commandIn(dir)), CNN_DIST_KEYS: keys };
  const nodes = await machines(context, names);
  const start = (node: number, ...more: readonly string[]) =>
    nodes[node]!.start(
      ["cnn-dist", "launch", ...trainingOf(steps), "--run-dir", runDir, "--auto-resume", ...words, ...more],
      {
        env: { ...common, HOSTNAME: nodes[node]!.name, ...env(node) },
      },
    );
  return { nodes, start, runDir };
}

let expected: Promise<string> | null = null;

for (const launched of LAUNCHED)
  test(`${launched.what}: two nodes find each other and train to the weights of one machine`, async (context) => {
    expected ??= weightsHere(context, STEPS);
    const { start, runDir } = await pods(context, launched, STEPS);
    const started = [start(1), start(0)]; // the first is not there yet when it is looked for
    const ended = await Promise.all(started.map(({ ended }) => ended));
    const told = ended.map(({ stdout, stderr }) => stdout + stderr).join("\n");
    assert.deepEqual(
      ended.map(({ code }) => code),
      [0, 0],
      told,
    );
    assert.match(told, /node 1 takes part in the run/);
    assert.equal(weightsOf(runDir), await expected, told);
  });

test("a pod's probes are answered on every node; one that is evicted ends with 75, and its successor goes on", async (context) => {
  const steps = 400;
  const { nodes, start, runDir } = await pods(context, LAUNCHED[0]!, steps);
  const served = ["--metrics-host", "0.0.0.0", "--metrics-port", "9464"];
  const ask = async (node: number, path: string) => {
    const url = `http://127.0.0.1:9464${path}`;
    const { stdout } = await nodes[node]!.start([
      process.execPath,
      "--eval",
      `fetch("${url}").then(({ status }) => console.log(status), () => console.log(0))`,
    ]).ended;
    return Number(stdout);
  };
  let started = [start(0, ...served), start(1, ...served)];
  await until(() => stepOf(runDir) >= 20);
  assert.deepEqual(
    [await ask(0, "/healthz"), await ask(0, "/readyz"), await ask(1, "/healthz"), await ask(1, "/readyz")],
    [200, 200, 200, 200],
  );
  const codes = async () => Promise.all(started.map(async ({ ended }) => (await ended).code));
  nodes[1]!.signal(started[1]!, "SIGTERM");
  const { code, stderr } = await started[1]!.ended;
  assert.equal(code, 75, stderr);
  started = started.with(1, start(1, ...served));
  await until(() => /node 1 takes part in the run/.test(started[1]!.output.stderr));
  nodes[0]!.signal(started[0]!, "SIGTERM");
  assert.deepEqual(await codes(), [75, 75], started.map(({ output }) => output.stderr).join("\n"));
  assert.equal(weightsOf(runDir), null, "the run was over before its pods were evicted");
  started = [start(0, ...served), start(1, ...served)];
  assert.deepEqual(await codes(), [0, 0], started.map(({ output }) => output.stderr).join("\n"));
  assert.equal(
    weightsOf(runDir),
    await weightsHere(context, steps),
    readFileSync(join(runDir, "logs/coordinator.log"), "utf8"),
  );
});
