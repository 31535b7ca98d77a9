/** A real Slurm on machines of this one: slurmctld and munge on the first, slurmd on the others. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Started } from "./cli.js";
import { type Machine, machines } from "./machines.js";
import { scratch } from "./runs.js";
import { until } from "./until.js";

export interface Slurm {
  control: Machine;
  nodes: readonly Machine[];
  /** What all machines need to find it, and every command. */
  env: NodeJS.ProcessEnv;
  /** A shared folder. */
  dir: string;
  /** Resolves with what a command of Slurm prints. */
  ask(...words: string[]): Promise<string>;
  /** Starts the slurmd of a node that has no process of Slurm, and resolves when the controller counts on it. */
  startNode(node: Machine): Promise<void>;
  /** Ends a node's slurmd and nothing else on it; what it had started lives on. Resolves when the controller has missed it. */
  killDaemon(node: Machine): Promise<void>;
  /** Starts a slurmd again that finds what its former self had started. */
  restartDaemon(node: Machine): Promise<void>;
}

const configuration = (dir: string, control: Machine, nodes: readonly Machine[]) => `
ClusterName=cnn
SlurmctldHost=${control.name}(${control.address})
AuthInfo=socket=${dir}/munge.socket
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmUser=root
SlurmdUser=root
StateSaveLocation=${dir}/state
SlurmdSpoolDir=${dir}/spool.%n
SlurmctldPidFile=${dir}/slurmctld.pid
SlurmdPidFile=${dir}/slurmd.%n.pid
SlurmctldLogFile=${dir}/slurmctld.log
SlurmdLogFile=${dir}/slurmd.%n.log
ReturnToService=2
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdTimeout=10
KillWait=20
${nodes.map(({ name, address }) => `NodeName=${name} NodeAddr=${address} CPUs=1 RealMemory=2000 State=UNKNOWN`).join("\n")}
PartitionName=main Nodes=${nodes.map(({ name }) => name).join(",")} Default=YES MaxTime=INFINITE State=UP
`;

export async function slurm(context: TestContext, names: readonly string[]): Promise<Slurm> {
  const dir = scratch(context);
  const [control, ...nodes] = (await machines(context, ["ctl", ...names])) as [Machine, ...Machine[]];
  const file = join(dir, "slurm.conf");
  writeFileSync(file, configuration(dir, control, nodes));
  mkdirSync(join(dir, "state"));
  await startMunge(control, dir);
  const env = { SLURM_CONF: file };
  const controller = control.start(["slurmctld", "-D"], { env });
  const ask = async (...words: string[]) => (await control.run(words, { env, cwd: dir })).stdout.trim();
  const stateOf = (node: Machine) => ask("sinfo", "--noheader", "--nodes", node.name, "--format", "%T").catch(() => "");
  const daemons = new Map<Machine, Started>();
  const restartDaemon = async (node: Machine) => {
    const daemon = node.start(["slurmd", "-D", "-N", node.name], { env });
    daemons.set(node, daemon);
    while (!/^(idle|mixed|allocated)$/.test(await stateOf(node))) {
      if (daemon.output.code !== null || controller.output.code !== null)
        throw new Error(
          `Slurm ended:\n${daemon.output.stderr}\n${readLog(join(dir, `slurmd.${node.name}.log`))}\n${controller.output.stderr}\n${readLog(join(dir, "slurmctld.log"))}`,
        );
      await pause(200);
    }
  };
  const startNode = async (node: Machine) => {
    const spool = join(dir, `spool.${node.name}`);
    rmSync(spool, { recursive: true, force: true });
    mkdirSync(spool);
    await restartDaemon(node);
  };
  const killDaemon = async (node: Machine) => {
    const daemon = daemons.get(node)!;
    node.signal(daemon, "SIGKILL");
    await daemon.ended;
    while (!(await stateOf(node)).startsWith("down")) await pause(200);
  };
  await Promise.all(nodes.map(startNode));
  return { control, nodes, env, dir, ask, startNode, killDaemon, restartDaemon };
}

/** Of its own, so that the system's, where there is one, is left alone. */
async function startMunge(control: Machine, dir: string): Promise<void> {
  const key = join(dir, "munge.key");
  writeFileSync(key, Buffer.alloc(1024, "not a secret: it signs for machines that only this test can reach"), {
    mode: 0o600,
  });
  const files = { socket: "munge.socket", "pid-file": "munge.pid", "log-file": "munge.log", "seed-file": "munge.seed" };
  const words = Object.entries(files).map(([option, name]) => `--${option}=${join(dir, name)}`);
  const daemon = control.start(["munged", "--foreground", "--force", `--key-file=${key}`, ...words]);
  await until(() => daemon.output.code !== null || readLog(join(dir, "munge.pid")) !== "");
  if (daemon.output.code !== null) throw new Error(`munged ended:\n${daemon.output.stderr}`);
}

function readLog(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
