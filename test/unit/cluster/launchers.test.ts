/** Environments of processes as each launcher makes them, from the version and the file or page that says so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Place, placeOf } from "../../../src/cluster/place.js";
import { derivedPort } from "../../../src/cluster/port.js";

interface Case {
  what: string;
  /** Version, and where its variables are told. */
  source: string;
  env: Record<string, string>;
  place: Place;
}

/** Of node 1 of `srun -N3 --ntasks-per-node=1`, in the second life of job 7. */
const SLURM = {
  SLURM_JOB_ID: "7",
  SLURM_JOB_NODELIST: "n[1-4]",
  SLURM_JOB_NUM_NODES: "4",
  SLURM_NNODES: "3",
  SLURM_NTASKS: "3",
  SLURM_NODEID: "1",
  SLURM_PROCID: "1",
  SLURM_LOCALID: "0",
  SLURM_STEP_ID: "2",
  SLURM_STEP_NODELIST: "n[2-4]",
  SLURM_STEP_NUM_NODES: "3",
  SLURM_STEP_NUM_TASKS: "3",
  SLURM_STEP_TASKS_PER_NODE: "1(x3)",
  SLURM_RESTART_COUNT: "1",
};
/** Of `torchrun --no-python --nnodes 2 --nproc-per-node 1 --rdzv-id night`. */
const TORCHRUN = {
  RANK: "1",
  WORLD_SIZE: "2",
  LOCAL_RANK: "0",
  LOCAL_WORLD_SIZE: "1",
  GROUP_RANK: "1",
  GROUP_WORLD_SIZE: "2",
  ROLE_RANK: "1",
  ROLE_WORLD_SIZE: "2",
  ROLE_NAME: "default",
  MASTER_ADDR: "node1.lab",
  MASTER_PORT: "29500",
  TORCHELASTIC_RESTART_COUNT: "2",
  TORCHELASTIC_MAX_RESTARTS: "3",
  TORCHELASTIC_RUN_ID: "night",
  TORCHELASTIC_USE_AGENT_STORE: "True",
};
/** Of `mpirun -n 2 --map-by ppr:1:node`. */
const MPIRUN = {
  OMPI_COMM_WORLD_SIZE: "2",
  OMPI_COMM_WORLD_RANK: "1",
  OMPI_COMM_WORLD_LOCAL_SIZE: "1",
  OMPI_COMM_WORLD_LOCAL_RANK: "0",
  OMPI_COMM_WORLD_NODE_RANK: "0",
  OMPI_UNIVERSE_SIZE: "2",
};
/** Of the node container of a TrainJob "mnist" with numNodes: 3. */
const TRAINJOB = {
  HOSTNAME: "mnist-node-0-2",
  JOB_COMPLETION_INDEX: "2",
  PET_NNODES: "3",
  PET_NPROC_PER_NODE: "4",
  PET_NODE_RANK: "2",
  PET_MASTER_ADDR: "mnist-node-0-0.mnist",
  PET_MASTER_PORT: "29500",
};
/** Of deploy/kubernetes/jobset.yaml: the controller's labels by the downward API, under names of ours. */
const JOBSET = {
  HOSTNAME: "cnn-dist-node-3-0",
  JOB_COMPLETION_INDEX: "0",
  JOBSET_NAME: "cnn-dist",
  JOBSET_REPLICAS: "4",
  JOBSET_RESTART_ATTEMPT: "2",
  JOBSET_COORDINATOR: "cnn-dist-node-0-0.cnn-dist",
  JOB_INDEX: "3",
};
const INDEXED = { HOSTNAME: "cnn-dist-2", JOB_COMPLETION_INDEX: "2" };

const CASES: readonly Case[] = [
  {
    what: "srun",
    source: "Slurm 22.05: srun(1), OUTPUT ENVIRONMENT VARIABLES; src/common/env.c, env_array_for_step",
    env: SLURM,
    place: {
      launcher: "Slurm",
      nodes: 3,
      nodeRank: 1,
      rendezvous: { host: "n2", port: derivedPort("slurm 7.2") },
      restarts: 1,
      name: "slurm-7",
    },
  },
  {
    what: "torchrun --no-python",
    source:
      "PyTorch 2.13: torch/distributed/elastic/agent/server/local_elastic_agent.py, _start_workers; docs/elastic/run",
    env: TORCHRUN,
    place: {
      launcher: "torchrun",
      nodes: 2,
      nodeRank: 1,
      rendezvous: { host: "node1.lab", port: derivedPort("torchrun night node1.lab:29500") },
      restarts: 2,
      name: "night",
    },
  },
  {
    what: "a TrainJob with the torch policy",
    source:
      "Kubeflow Trainer 2.3.0: pkg/constants/constants.go, TorchEnv…; pkg/runtime/framework/plugins/torch/torch.go, EnforceMLPolicy",
    env: TRAINJOB,
    place: {
      launcher: "TrainJob",
      nodes: 3,
      nodeRank: 2,
      rendezvous: { host: "mnist-node-0-0.mnist", port: 29500 },
      restarts: 0,
      name: "mnist",
    },
  },
  {
    what: "a JobSet",
    source:
      "JobSet 0.12.0: api/jobset/v1alpha2/jobset_types.go, …Key; pkg/constants/constants.go, RestartsKey; they are labels and annotations, and no variables",
    env: JOBSET,
    place: {
      launcher: "JobSet",
      nodes: 4,
      nodeRank: 3,
      rendezvous: { host: "cnn-dist-node-0-0.cnn-dist", port: derivedPort("jobset cnn-dist") },
      restarts: 2,
      name: "cnn-dist",
    },
  },
];

for (const { what, source, env, place } of CASES)
  test(`${what} (${source})`, () => {
    assert.deepEqual(placeOf(env), place);
  });

test("an indexed Job says its index and its name; the nodes are an option (Kubernetes 1.24 and later: Job, completionMode)", () => {
  assert.deepEqual(placeOf(INDEXED, { nodes: 4 }), {
    launcher: "indexed Job",
    nodes: 4,
    nodeRank: 2,
    rendezvous: { host: "cnn-dist-0.cnn-dist", port: derivedPort("job cnn-dist") },
    restarts: 0,
    name: "cnn-dist",
  });
});

test("mpirun gives no address, so the error asks for one (Open MPI 5.0: Environment variables set for MPI applications)", () => {
  assert.deepEqual(placeOf(MPIRUN, { rendezvous: "node1:5555" }), {
    launcher: "mpirun",
    nodes: 2,
    nodeRank: 1,
    rendezvous: { host: "node1", port: 5555 },
    restarts: 0,
    name: null,
  });
  for (const given of [{}, { rendezvous: "node1" }])
    assert.throws(() => placeOf(MPIRUN, given), {
      code: "launcher",
      message:
        "mpirun: OMPI_COMM_WORLD_SIZE=2 needs --rendezvous HOST:PORT, and mpirun does not say it. Give --nodes N and --rendezvous HOST:PORT on every machine, the address of node 0, and --node-rank R, from 0 to N-1, where the launcher does not number its machines.",
    });
});

const ALONE = { nodes: 1, nodeRank: 0, rendezvous: null };

test("whatever started one process alone, it is a run of this machine", () => {
  const { SLURM_STEP_NODELIST, SLURM_STEP_NUM_NODES, SLURM_STEP_NUM_TASKS, SLURM_STEP_ID, ...job } = SLURM;
  const cases: [string, Record<string, string>][] = [
    ["nothing", {}],
    [
      "salloc of four nodes",
      { SLURM_JOB_ID: "7", SLURM_JOB_NODELIST: "n[1-4]", SLURM_NNODES: "4", SLURM_NTASKS: "16" },
    ],
    ["a batch script of four nodes", { ...job, SLURM_NODEID: "0", SLURM_PROCID: "0", SLURM_NTASKS: "16" }],
    [
      "the shell of salloc on a node",
      {
        ...SLURM,
        SLURM_NODEID: "0",
        SLURM_STEP_ID: "4294967290",
        SLURM_STEP_NODELIST: "n1",
        SLURM_STEP_NUM_NODES: "1",
        SLURM_STEP_NUM_TASKS: "1",
        SLURM_NNODES: "4",
        SLURM_NTASKS: "16",
      },
    ],
    ["a notebook's pod", { HOSTNAME: "notebook-0", KUBERNETES_SERVICE_HOST: "10.96.0.1" }],
    ["an indexed Job of many seeds", INDEXED],
    ["mpirun -n 1", { ...MPIRUN, OMPI_COMM_WORLD_SIZE: "1", OMPI_COMM_WORLD_RANK: "0" }],
    ["a TrainJob of one node", { ...TRAINJOB, JOB_COMPLETION_INDEX: "0", PET_NNODES: "1", PET_NODE_RANK: "0" }],
    ["variables that are set to nothing", { SLURM_JOB_ID: "", PET_NNODES: "", RANK: "3", WORLD_SIZE: "8" }],
  ];
  for (const [what, env] of cases) {
    const { nodes, nodeRank, rendezvous } = placeOf(env);
    assert.deepEqual({ nodes, nodeRank, rendezvous }, ALONE, what);
  }
});

test("a job of one machine keeps its name and its restarts", () => {
  const env = { SLURM_JOB_ID: "7", SLURM_JOB_NODELIST: "n1", SLURM_NODEID: "0", SLURM_RESTART_COUNT: "3" };
  assert.deepEqual(placeOf(env), { launcher: "Slurm", ...ALONE, restarts: 3, name: "slurm-7" });
});

test("the launcher that another one started counts", () => {
  assert.equal(placeOf({ ...SLURM, ...MPIRUN }, { rendezvous: "n2:5555" }).launcher, "mpirun");
  assert.equal(placeOf({ ...TRAINJOB, ...TORCHRUN }).launcher, "torchrun");
  assert.equal(placeOf({ ...INDEXED, ...SLURM }).launcher, "Slurm");
});

const PLEA = "one process is needed on each machine, which starts that machine's workers itself.";
const OTHERWISE = "or give --nodes 1 if each process is to train by itself.";

test("more processes than one a node is an error that names them, whatever the number of nodes", () => {
  const cases: [Record<string, string>, string][] = [
    [
      { ...SLURM, SLURM_STEP_NUM_TASKS: "24" },
      `Slurm: SLURM_STEP_NUM_TASKS=24, and SLURM_STEP_NUM_NODES=3: ${PLEA} Start it by srun --ntasks-per-node=1; ${OTHERWISE}`,
    ],
    [
      { ...SLURM, SLURM_STEP_NODELIST: "n1", SLURM_STEP_NUM_NODES: "1", SLURM_STEP_NUM_TASKS: "8" },
      `Slurm: SLURM_STEP_NUM_TASKS=8, and SLURM_STEP_NUM_NODES=1: ${PLEA} Start it by srun --ntasks-per-node=1; ${OTHERWISE}`,
    ],
    [
      { ...TORCHRUN, WORLD_SIZE: "8", RANK: "4", LOCAL_WORLD_SIZE: "4" },
      `torchrun: LOCAL_WORLD_SIZE=4, expected 1: ${PLEA} Start torchrun with --nproc-per-node 1; ${OTHERWISE}`,
    ],
    [
      { ...MPIRUN, OMPI_COMM_WORLD_LOCAL_SIZE: "2" },
      `mpirun: OMPI_COMM_WORLD_LOCAL_SIZE=2, expected 1: ${PLEA} Start mpirun with --map-by ppr:1:node; ${OTHERWISE}`,
    ],
    [
      { ...JOBSET, JOBSET_REPLICAS: "1", JOB_INDEX: "0", JOB_COMPLETION_INDEX: "2" },
      `JobSet: JOB_COMPLETION_INDEX=2, expected 0: ${PLEA} Give the replicated job as many replicas as there are nodes, and parallelism and completions of 1; ${OTHERWISE}`,
    ],
  ];
  for (const [env, message] of cases) assert.throws(() => placeOf(env), { code: "launcher", message });
  assert.deepEqual(placeOf(cases[1]![0], { nodes: 1 }), { launcher: "hand", ...ALONE, restarts: 0, name: null });
});

test("variables that contradict each other are an error that names them", () => {
  const cases: [Record<string, string>, { nodes?: number }, RegExp][] = [
    [{ ...TORCHRUN, RANK: "0" }, {}, /^torchrun: RANK=0, and GROUP_RANK=1: /],
    [{ ...TRAINJOB, PET_NODE_RANK: "1" }, {}, /^TrainJob: JOB_COMPLETION_INDEX=2, and PET_NODE_RANK=1: /],
    [
      { ...SLURM, SLURM_STEP_NODELIST: "n[2-3]" },
      {},
      /^Slurm: SLURM_STEP_NODELIST="n\[2-3\]" names 2 hosts, and SLURM_STEP_NUM_NODES=3\. Give --rendezvous/,
    ],
    [{ ...SLURM, SLURM_STEP_NODELIST: "n[2-" }, {}, /^Slurm: SLURM_STEP_NODELIST="n\[2-" is not a list of hosts\. /],
    [
      { ...SLURM, SLURM_NODEID: "3" },
      {},
      /^SLURM_NODEID=3 with SLURM_STEP_NUM_NODES=3: expected a rank from 0 to 2\. /,
    ],
    [{ ...JOBSET, JOB_INDEX: "4" }, {}, /^JOB_INDEX=4 with JOBSET_REPLICAS=4: expected a rank from 0 to 3\. /],
    [INDEXED, { nodes: 2 }, /^JOB_COMPLETION_INDEX=2 with --nodes 2: expected a rank from 0 to 1\. /],
    [{ ...TRAINJOB, PET_NNODES: "1:4" }, {}, /^TrainJob: PET_NNODES: expected a whole number, received "1:4"\. /],
    [{ ...SLURM, SLURM_NODEID: "-1" }, {}, /^Slurm: SLURM_NODEID: expected a whole number, received "-1"\. /],
  ];
  for (const [env, given, message] of cases) assert.throws(() => placeOf(env, given), { code: "launcher", message });
});

test("each option wins over the environment", () => {
  assert.deepEqual(placeOf(SLURM, { rendezvous: "n9:5555" }).rendezvous, { host: "n9", port: 5555 });
  assert.deepEqual(placeOf(SLURM, { rendezvous: "n9" }).rendezvous, { host: "n9", port: derivedPort("slurm 7.2") });
  assert.equal(placeOf(SLURM, { nodeRank: 2 }).nodeRank, 2);
  assert.equal(placeOf(SLURM, { nodes: 2 }).nodes, 2);
  assert.deepEqual(placeOf(SLURM, { nodes: 1 }), { launcher: "hand", ...ALONE, restarts: 0, name: null });
  const whole = { nodes: 2, nodeRank: 0, rendezvous: "n9:5555" };
  assert.deepEqual(placeOf({ ...SLURM, SLURM_NODEID: "x" }, whole), {
    launcher: "hand",
    nodes: 2,
    nodeRank: 0,
    rendezvous: { host: "n9", port: 5555 },
    restarts: 0,
    name: null,
  });
});

test("by hand, several machines need all three options, and one that others may join a rendezvous alone", () => {
  assert.deepEqual(placeOf({}, { nodes: 1, rendezvous: "10.0.0.1:5555" }), {
    launcher: "hand",
    nodes: 1,
    nodeRank: 0,
    rendezvous: { host: "10.0.0.1", port: 5555 },
    restarts: 0,
    name: null,
  });
  const END =
    "and no launcher that is known here started this process. Give --nodes N and --rendezvous HOST:PORT on every machine, the address of node 0, and --node-rank R, from 0 to N-1, where the launcher does not number its machines.";
  assert.throws(() => placeOf({}, { nodes: 2 }), {
    code: "launcher",
    message: `--nodes 2 needs --node-rank R, ${END}`,
  });
  assert.throws(() => placeOf({}, { nodes: 2, nodeRank: 1 }), {
    code: "launcher",
    message: `--nodes 2 needs --rendezvous HOST:PORT, ${END}`,
  });
  assert.throws(
    () => placeOf({}, { nodes: 2, nodeRank: 2, rendezvous: "a:1" }),
    /^UsageError: --node-rank 2 with --nodes 2: expected a rank from 0 to 1\./,
  );
  assert.throws(
    () => placeOf({}, { nodeRank: 1 }),
    /^UsageError: --node-rank 1 with --nodes not given, which is 1: expected/,
  );
});

test("the same job has the same port on every node and after a restart, and two steps of it have two", () => {
  const port = (env: Record<string, string>) => placeOf(env).rendezvous?.port;
  assert.equal(port({ ...SLURM, SLURM_NODEID: "0", SLURM_RESTART_COUNT: "9" }), port(SLURM));
  assert.notEqual(port({ ...SLURM, SLURM_STEP_ID: "3" }), port(SLURM));
  assert.equal(port({ ...JOBSET, JOB_INDEX: "0", JOBSET_RESTART_ATTEMPT: "0" }), port(JOBSET));
});

test("a job's name suits a folder, and torchrun's default is none", () => {
  assert.equal(placeOf({ ...TORCHRUN, TORCHELASTIC_RUN_ID: "a b/../c" }).name, "a-b-..-c");
  assert.equal(placeOf({ ...TORCHRUN, TORCHELASTIC_RUN_ID: "../runs" }).name, "runs");
  for (const id of ["none", ".."]) assert.equal(placeOf({ ...TORCHRUN, TORCHELASTIC_RUN_ID: id }).name, null);
});

test("a pod whose host is not called after its index needs a rendezvous", () => {
  const pod = { HOSTNAME: "worker-7.lab", JOB_COMPLETION_INDEX: "2" };
  assert.throws(
    () => placeOf(pod, { nodes: 4 }),
    /--nodes 4 needs --rendezvous HOST:PORT, and indexed Job does not say it/,
  );
  assert.equal(placeOf(pod, { nodes: 4, rendezvous: "train-0.train:5555" }).nodeRank, 2);
});
