/**
 * A process that prints what a step costs beside computing: the real coordinator with simulated workers or nodes, in two processes.
 * Argument: a `Simulation`; prints a `Cost`, as JSON.
 */
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/clock.js";
import { PLACEMENT_DEFAULTS } from "../../src/config/placement.js";
import { NODES_PATIENCE_MS } from "../../src/config/time-limits.js";
import { createCoordinator } from "../../src/coordinator/coordinator.js";
import type { StepEvent } from "../../src/events.js";
import { SharedFile } from "../../src/exchange/mapping.js";
import { prepare } from "../../src/run/plan.js";
import type { WorkerKey } from "../../src/transport/keys.js";
import type { CoordinatorLink } from "../../src/transport/link.js";
import { createSocketDirectory } from "../../src/transport/socket-directory.js";
import { bindCoordinator, bindUnprotected } from "../../src/transport/zeromq.js";
import { type ThreadTime, threadTimes, timeBetween, total } from "../cpu.js";
import { keyPair } from "../keys.js";
import { median } from "../table.js";
import { type Group, type NodeGroup, type Simulation, simulatedLayout, simulatedRecipe } from "./simulated.js";

/** Milliseconds a step. */
export interface Cost {
  stepMs: number;
  /** CPU time of the coordinator, and of all workers together. */
  coordinatorMs: number;
  workersMs: number;
  /** Of the coordinator's: of the thread that runs JavaScript, and of ZeroMQ's, which encrypt. */
  threadMs: number;
  socketMs: number;
  /** Bytes of payload a step and node, to the coordinator and from it; null without nodes. */
  nodeBytes: { in: number; out: number } | null;
}

const PROCESSES = 2;

interface Opened {
  link: CoordinatorLink;
  /** Of nodes. */
  key: WorkerKey | null;
}

/** Workers over TCP come without keys, whose cost is a figure of its own (bench/frames.ts); nodes as in a run. */
async function listen({ nodes, exchange }: Simulation, privateEndpoint: string): Promise<Opened> {
  if (nodes !== null) {
    const [own, key] = keyPair();
    return { link: await bindCoordinator("tcp://127.0.0.1:*", own), key };
  }
  const link = exchange === "tcp" ? bindUnprotected("tcp://127.0.0.1:*") : bindCoordinator(privateEndpoint, null);
  return { link: await link, key: null };
}

async function simulate(simulation: Simulation): Promise<Cost> {
  const { workers, nodes, megabytes, exchange, warm, steps } = simulation;
  const recipe = simulatedRecipe(simulation);
  const { start, dataset } = await prepare(recipe, { cacheDir: "" }, null);
  const layout = simulatedLayout(megabytes);
  const values = { layout, weights: new Float32Array(layout.size), state: new Float32Array(0) };
  const sockets = createSocketDirectory();
  const { link, key } = await listen(simulation, sockets.endpoint);
  const file = SharedFile.create();
  const children: ChildProcess[] = [];
  const durations: number[] = [];
  const looks: Map<number, ThreadTime>[][] = [];
  const nodeBytes = { in: 0, out: 0 };
  const processes = () => [process.pid, ...children.map(({ pid }) => pid!)];
  const observe = ({ step, duration_seconds: seconds, node_bytes: ofNodes = {} }: StepEvent) => {
    if (step === warm || step === warm + steps) looks.push(processes().map(threadTimes));
    if (step <= warm) return;
    durations.push(seconds * 1e3);
    for (const bytes of Object.values(ofNodes)) {
      nodeBytes.in += bytes.in;
      nodeBytes.out += bytes.out;
    }
  };
  const coordinator = createCoordinator(
    {
      run: "simulated",
      start: { ...start, values },
      train: dataset.train.count,
      test: 0,
      expect: { datasetSha256: dataset.sha256, topologySha256: null },
      workers: nodes === null ? workers : 0,
      gatherMs: null,
      stopAfterStep: null,
      exchange: nodes === null && exchange === "shared-memory" ? exchange : "frames",
      block: 1,
      nodes: nodes === null ? null : { count: nodes, patienceMs: NODES_PATIENCE_MS },
      placement: PLACEMENT_DEFAULTS,
      isTraced: () => false,
    },
    {
      link,
      file,
      clock: systemClock,
      emit: (event) => {
        if (event.event === "step") observe(event);
      },
      engineKnown: () => start.recipeSha256,
      newest: async () => null,
      save: async () => ({ path: "", sizeBytes: 0 }),
      assertHeld() {},
      committed() {},
      endWorker: async () => {},
      workersPossible: () => workers,
      logTail: () => ({ header: "", lines: [] }),
    },
  );
  const tokens = Array.from({ length: nodes === null ? workers : 0 }, (_, rank) => {
    if (exchange === "tcp") return null;
    const token = randomBytes(16).toString("hex");
    coordinator.expectWorker({ token, rank, incarnation: 0 });
    return token;
  });
  const outcome = coordinator.run();
  const { endpoint } = link;
  const numbers = Array.from({ length: nodes ?? 0 }, (_, index) => index + 1);
  for (let index = 0; index < Math.min(PROCESSES, nodes ?? workers); index++) {
    const mine = <T>(all: readonly T[]) => all.filter((_, at) => at % PROCESSES === index);
    if (nodes === null) children.push(startGroup("workers.js", { endpoint, megabytes, tokens: mine(tokens) }, file));
    else
      children.push(
        startGroup("nodes.js", { endpoint, key: key!, nodes: mine(numbers), workers: workers / nodes }, null),
      );
  }
  const failed = children.map(
    (child) =>
      new Promise<never>((_, reject) => {
        child.once("exit", (code) => reject(new Error(`simulated workers ended with exit code ${code}`)));
      }),
  );
  for (const each of failed) each.catch(() => {}); // after the run they end as they should
  await Promise.race([outcome, ...failed]);
  await link.close();
  sockets.remove();
  const [own, ...others] = processes().map((pid, at) => timeBetween(pid, looks[0]![at]!, looks[1]![at]!));
  return {
    stepMs: median(durations),
    coordinatorMs: total(own!) / steps,
    workersMs: others.reduce((sum, each) => sum + total(each), 0) / steps,
    threadMs: own!.node / steps,
    socketMs: own!.zeromq / steps,
    nodeBytes: nodes === null ? null : { in: nodeBytes.in / nodes / steps, out: nodeBytes.out / nodes / steps },
  };
}

/** Of this folder, with the run's memory where its workers share it. */
function startGroup(program: string, group: Group | NodeGroup, memory: SharedFile | null): ChildProcess {
  return fork(fileURLToPath(new URL(program, import.meta.url)), [JSON.stringify(group)], {
    execArgv: [],
    stdio: ["ignore", "inherit", "inherit", "ipc", ...(memory === null ? [] : [memory.descriptor])],
  });
}

const cost = await simulate(JSON.parse(process.argv[2]!) as Simulation);
process.stdout.write(`${JSON.stringify(cost)}\n`);
process.exit(0);
