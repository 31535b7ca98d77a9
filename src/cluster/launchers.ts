/** What each launcher tells the processes that it starts: one table of its variables, and how they are read. */
import { UsageError } from "../errors.js";
import { expandHostlist } from "./hostlist.js";

export type Launcher = "hand" | "torchrun" | "mpirun" | "Slurm" | "TrainJob" | "JobSet" | "indexed Job";

/** A number with the name of what says it: a variable, or an option. */
export interface Variable {
  name: string;
  value: number;
}

/** What a launcher says; null for what it does not. */
export interface Known {
  launcher: Launcher;
  nodes: Variable | null;
  nodeRank: Variable | null;
  /** Node 0. */
  host: string | null;
  port: number | null;
  restarts: number;
  name: string | null;
  /** The same text in every process of the job and in none of another: what a port is derived from. */
  seed: string | null;
  /** UsageError `launcher` where several processes were started on a machine, or the counts contradict each other. */
  assertOneProcessANode(): void;
}

type Env = Readonly<Record<string, string | undefined>>;

interface Row {
  launcher: Exclude<Launcher, "hand">;
  /** It is set in every process that this launcher started. */
  sign: string;
  nodes: string | null;
  nodeRank: string;
  /** Variables, and what each is equal to, another one or a number, where every machine has one process. */
  onePerNode: readonly (readonly [variable: string, equals: string | number])[];
  host?: (env: Env) => string | null;
  port?: string;
  restarts?: string;
  name?: (env: Env) => string | null;
  seed?: (env: Env) => string | null;
  /** How one process a node is had. */
  remedy: string;
}

/**
 * A launcher that another one started stands before it: mpirun under Slurm, torchrun in a TrainJob. The variables'
 * sources and versions are in test/unit/cluster/launchers.test.ts.
 */
const ROWS: readonly Row[] = [
  {
    launcher: "torchrun",
    sign: "TORCHELASTIC_RUN_ID",
    nodes: "GROUP_WORLD_SIZE",
    nodeRank: "GROUP_RANK",
    onePerNode: [
      ["LOCAL_WORLD_SIZE", 1],
      ["WORLD_SIZE", "GROUP_WORLD_SIZE"],
      ["RANK", "GROUP_RANK"],
    ],
    host: (env) => env.MASTER_ADDR || null,
    restarts: "TORCHELASTIC_RESTART_COUNT",
    // "none" is what torchrun calls every job that was given no --rdzv-id.
    name: ({ TORCHELASTIC_RUN_ID: id }) => (id === "none" ? null : (id ?? null)),
    // At MASTER_PORT torchrun itself listens.
    seed: (env) => `torchrun ${env.TORCHELASTIC_RUN_ID} ${env.MASTER_ADDR}:${env.MASTER_PORT}`,
    remedy: "Start torchrun with --nproc-per-node 1",
  },
  {
    launcher: "mpirun",
    sign: "OMPI_COMM_WORLD_SIZE",
    nodes: "OMPI_COMM_WORLD_SIZE",
    nodeRank: "OMPI_COMM_WORLD_RANK",
    onePerNode: [["OMPI_COMM_WORLD_LOCAL_SIZE", 1]],
    remedy: "Start mpirun with --map-by ppr:1:node",
  },
  {
    launcher: "Slurm",
    sign: "SLURM_JOB_ID",
    // Of a step alone: a batch script, and a shell of salloc, is one process, however many nodes the job has.
    nodes: "SLURM_STEP_NUM_NODES",
    nodeRank: "SLURM_NODEID",
    onePerNode: [["SLURM_STEP_NUM_TASKS", "SLURM_STEP_NUM_NODES"]],
    host: firstOfSlurm,
    restarts: "SLURM_RESTART_COUNT",
    name: (env) => `slurm-${env.SLURM_JOB_ID}`,
    seed: (env) => `slurm ${env.SLURM_JOB_ID}.${env.SLURM_STEP_ID}`,
    remedy: "Start it by srun --ntasks-per-node=1",
  },
  {
    launcher: "TrainJob",
    sign: "PET_NNODES",
    nodes: "PET_NNODES",
    nodeRank: "PET_NODE_RANK",
    onePerNode: [["JOB_COMPLETION_INDEX", "PET_NODE_RANK"]],
    host: (env) => env.PET_MASTER_ADDR || null,
    port: "PET_MASTER_PORT",
    restarts: "JOBSET_RESTART_ATTEMPT",
    // NAME-node-0-0.NAME
    name: (env) => env.PET_MASTER_ADDR?.split(".")[1] ?? null,
    seed: (env) => `trainjob ${env.PET_MASTER_ADDR}`,
    remedy: "Let the TrainJob's runtime start one pod a node",
  },
  {
    launcher: "JobSet",
    sign: "JOBSET_NAME",
    nodes: "JOBSET_REPLICAS",
    nodeRank: "JOB_INDEX",
    onePerNode: [["JOB_COMPLETION_INDEX", 0]],
    host: (env) => env.JOBSET_COORDINATOR || null,
    restarts: "JOBSET_RESTART_ATTEMPT",
    name: (env) => env.JOBSET_NAME ?? null,
    seed: (env) => `jobset ${env.JOBSET_NAME}`,
    remedy: "Give the replicated job as many replicas as there are nodes, and parallelism and completions of 1",
  },
  {
    launcher: "indexed Job",
    sign: "JOB_COMPLETION_INDEX",
    nodes: null,
    nodeRank: "JOB_COMPLETION_INDEX",
    onePerNode: [],
    // A pod is called JOB-INDEX; the headless service is expected to have the job's name.
    host: (env) => mapped(jobOf(env), (job) => `${job}-0.${job}`),
    name: jobOf,
    seed: (env) => mapped(jobOf(env), (job) => `job ${job}`),
    remedy: "Give the Job as many completions as there are nodes",
  },
];

/** What the launcher of this process says, the innermost one; null without one that is known. UsageError `launcher` for a value that is no number. */
export function launcherOf(env: Env): Known | null {
  const row = ROWS.find(({ sign }) => isSet(env, sign));
  if (row === undefined) return null;
  return {
    launcher: row.launcher,
    nodes: row.nodes === null ? null : number(row, env, row.nodes),
    nodeRank: number(row, env, row.nodeRank),
    host: row.host?.(env) ?? null,
    port: row.port === undefined ? null : (number(row, env, row.port)?.value ?? null),
    restarts: row.restarts === undefined ? 0 : (number(row, env, row.restarts)?.value ?? 0),
    name: mapped(row.name?.(env) ?? null, folderName) || null,
    seed: row.seed?.(env) ?? null,
    assertOneProcessANode: () => assertOneProcess(row, env),
  };
}

function assertOneProcess(row: Row, env: Env): void {
  for (const [variable, equals] of row.onePerNode) {
    const one = number(row, env, variable);
    const other = typeof equals === "number" ? equals : (number(row, env, equals)?.value ?? null);
    if (one === null || other === null || one.value === other) continue;
    throw new UsageError(
      "launcher",
      `${row.launcher}: ${one.name}=${one.value}, ${typeof equals === "number" ? `expected ${equals}` : `and ${equals}=${other}`}: one process is needed on each machine, which starts that machine's workers itself. ${row.remedy}; or give --nodes 1 if each process is to train by itself.`,
    );
  }
}

/** The first host of the step, else of the job: node 0, since Slurm numbers nodes in the list's order. */
function firstOfSlurm(env: Env): string | null {
  const name = ["SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"].find((each) => isSet(env, each));
  if (name === undefined) return null;
  const list = env[name]!;
  const hosts = expandHostlist(list);
  const nodes = number({ launcher: "Slurm" }, env, "SLURM_STEP_NUM_NODES")?.value;
  if (hosts === null || (name === "SLURM_STEP_NODELIST" && nodes !== undefined && nodes !== hosts.length))
    throw new UsageError(
      "launcher",
      `Slurm: ${name}="${list}" ${hosts === null ? "is not a list of hosts" : `names ${hosts.length} hosts, and SLURM_STEP_NUM_NODES=${nodes}`}. Give --rendezvous HOST:PORT, --nodes and --node-rank.`,
    );
  return hosts[0]!;
}

/** The name of an indexed Job, from the name of its pod; null where the host is called otherwise. */
function jobOf({ HOSTNAME: host, JOB_COMPLETION_INDEX: index }: Env): string | null {
  const end = `-${index}`;
  return host?.endsWith(end) && host.length > end.length ? host.slice(0, -end.length) : null;
}

const folderName = (name: string) => name.replace(/[^\w.-]/g, "-").replace(/^[.-]+/, "");
const isSet = (env: Env, name: string) => env[name] !== undefined && env[name] !== "";
const mapped = <T, U>(value: T | null, map: (value: T) => U): U | null => (value === null ? null : map(value));

function number({ launcher }: Pick<Row, "launcher">, env: Env, name: string): Variable | null {
  if (!isSet(env, name)) return null;
  const text = env[name]!;
  if (!/^\d{1,9}$/.test(text))
    throw new UsageError(
      "launcher",
      `${launcher}: ${name}: expected a whole number, received "${text}". Give --nodes N, --node-rank R and --rendezvous HOST:PORT.`,
    );
  return { name, value: Number(text) };
}
