import { availableParallelism } from "node:os";
import type { Cost } from "../scale/coordinator.js";
import { fitCosts, type Sample } from "../scale/fit.js";
import type { Simulation } from "../scale/simulated.js";
import { program, type Sitting } from "../sitting.js";
import { digits, printLine, printTable, row } from "../table.js";
import { copyCpuMs } from "../two-copies.js";

const WORKERS = [2, 8, 32, 64] as const;
const MEGABYTES = [1, 4, 16] as const;
const EXCHANGES = {
  "shared-memory": "shared memory",
  ipc: "frames over a unix socket",
} as const;

/** What a step costs beside computing, with simulated workers: the real coordinator, protocol, buckets and exchange. */
export async function scale(_: Sitting): Promise<void> {
  printLine(
    `Simulated workers write the same gradient at once, a shard each; they live in two processes, on ${availableParallelism()} cores. A cell: milliseconds a step; in brackets CPU milliseconds a step of the coordinator and of all workers.`,
  );
  for (const exchange of Object.keys(EXCHANGES) as (keyof typeof EXCHANGES)[]) await table(exchange);
}

async function table(exchange: keyof typeof EXCHANGES): Promise<void> {
  const samples: Sample[] = [];
  const rows: (readonly string[])[] = [["workers", ...MEGABYTES.map((megabytes) => `${megabytes} MB of parameters`)]];
  for (const workers of WORKERS)
    rows.push(
      await row(`${workers}`, MEGABYTES.length + 1, async () => {
        const cells: string[] = [];
        for (const megabytes of MEGABYTES) {
          const cost = await costOf({ workers, nodes: null, megabytes, exchange, optimizer: "momentum" });
          samples.push({ workers, megabytes, ...cost });
          cells.push(`${digits(cost.stepMs)} (${digits(cost.coordinatorMs)}, ${digits(cost.workersMs)})`);
        }
        return cells;
      }),
    );
  rows.push(["coordinator's CPU, 64 workers / 32 (2: linear)", ...MEGABYTES.map((size) => growth(samples, size))]);
  printTable(`What a step costs beside computing, over ${EXCHANGES[exchange]}`, rows);
  const { coordinator, worker, deviation } = fitCosts(samples);
  printLine(
    `Fitted, in CPU milliseconds: the coordinator ${coordinator.step.toFixed(2)} a step, ${coordinator.message.toFixed(3)} a message, ${coordinator.shardMegabyte.toFixed(3)} a MB of each shard's gradient and ${coordinator.megabyte.toFixed(3)} a MB of the parameters; a worker ${worker.step.toFixed(2)} a step and ${worker.megabyte.toFixed(3)} a MB; largest deviation ${(deviation * 100).toFixed(0)}%. A plain copy of a MB takes ${copyCpuMs().toFixed(3)} here.`,
  );
}

function growth(samples: readonly Sample[], megabytes: number): string {
  const at = (workers: number) =>
    samples.find((sample) => sample.workers === workers && sample.megabytes === megabytes)?.coordinatorMs ?? Number.NaN;
  return (at(64) / at(32)).toFixed(2);
}

/** Fewer steps where they are long. */
async function costOf(simulation: Omit<Simulation, "warm" | "steps">): Promise<Cost> {
  const { workers, megabytes } = simulation;
  const steps = Math.max(4, Math.min(100, Math.round(1000 / (workers * megabytes))));
  return simulated({ ...simulation, warm: 3, steps });
}

export async function simulated(simulation: Simulation): Promise<Cost> {
  return JSON.parse(await program("scale/coordinator.js", JSON.stringify(simulation))) as Cost;
}
