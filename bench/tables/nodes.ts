import { availableParallelism } from "node:os";
import type { NodeCosts } from "../../src/prediction/nodes.js";
import { type Case, LINKS, limitOf, mostNodes } from "../scale/carried.js";
import { fitNodeCosts, type NodeSample } from "../scale/fit.js";
import { simulatedLayout } from "../scale/simulated.js";
import type { Sitting } from "../sitting.js";
import { digits, printLine, printTable, row } from "../table.js";
import { copyCpuMs } from "../two-copies.js";
import { simulated } from "./scale.js";

/** Nodes, and the workers of each. */
const SHAPES = [
  [1, 4],
  [4, 1],
  [4, 4],
  [16, 4],
] as const;
const MEGABYTES = [1, 4, 16] as const;

/** What nodes cost their coordinator, and how many it carries: the real coordinator, protocol, buckets and encryption. */
export async function nodes(_: Sitting): Promise<void> {
  printLine(
    `Simulated nodes send the same sums at once, over TCP with keys; they live in two processes, on ${availableParallelism()} cores. A cell: MB of payload a step that come from a node and go to it; CPU milliseconds a step of the coordinator's thread that adds and updates, and of those that encrypt.`,
  );
  const samples: NodeSample[] = [];
  const rows: (readonly string[])[] = [
    ["nodes x workers", ...MEGABYTES.map((megabytes) => `${megabytes} MB of parameters`)],
  ];
  for (const [count, workers] of SHAPES)
    rows.push(
      await row(`${count} x ${workers}`, MEGABYTES.length + 1, async () => {
        const cells: string[] = [];
        for (const megabytes of MEGABYTES) {
          const cost = await costOf(count, workers, megabytes);
          samples.push({ nodes: count, workers, megabytes, ...cost });
          const { in: came, out: went } = cost.nodeBytes!;
          cells.push(`${mb(came)} in, ${mb(went)} out; ${digits(cost.threadMs)}, ${digits(cost.socketMs)}`);
        }
        return cells;
      }),
    );
  printTable("What nodes cost their coordinator", rows);
  const { costs, deviation } = fitNodeCosts(samples);
  const micro = (seconds: number) => (seconds * 1e6).toFixed(0);
  printLine(
    `Fitted, in CPU microseconds: the thread that adds and updates ${micro(costs.step)} a step, ${micro(costs.message)} a message, ${micro(costs.crossedMegabyte)} a MB that comes in and goes out again and ${micro(costs.megabyte)} a MB of the parameters; those that encrypt ${micro(costs.socketMessage)} a message and ${micro(costs.socketMegabyte)} a MB; largest deviation ${(deviation * 100).toFixed(0)}%. A plain copy of a MB takes ${micro(copyCpuMs() / 1e3)} here.`,
  );
  least(costs);
  carried(costs);
}

/** Fewer steps where they are long. */
const costOf = (nodes: number, workers: number, megabytes: number) =>
  simulated({
    workers: nodes * workers,
    nodes,
    megabytes,
    exchange: "tcp",
    optimizer: "momentum",
    warm: 2,
    steps: Math.max(3, Math.min(60, Math.round(200 / (nodes * megabytes)))),
  });

const mb = (bytes: number) => (bytes / 1e6).toFixed(2);

/** What is full first. */
const WORDS = { wire: "wire", socket: "encrypting", thread: "adding" } as const;

const caseOf = (megabytes: number, gigabits: number, costs: NodeCosts, sliced: boolean): Case => {
  const { buckets, parameters } = simulatedLayout(megabytes);
  return { parameterBytes: parameters * 4, buckets: buckets.length, gigabits, costs, sliced };
};

/** Of networks of the tables: ResNet-18, ResNet-50, VGG16. */
const NETWORKS = [10, 47, 102, 553] as const;

function least(costs: NodeCosts): void {
  printTable("Predicted: the least milliseconds a step, and what takes them", [
    ["nodes beside the first, MB of parameters", ...LINKS.map((gigabits) => `${gigabits} Gbit/s`)],
    ...[1, 3, 15].flatMap((count) =>
      NETWORKS.map((megabytes) => [
        `${count}, ${megabytes}`,
        ...LINKS.map((gigabits) => {
          const { seconds, by } = limitOf(count, caseOf(megabytes, gigabits, costs, false));
          return `${digits(seconds * 1e3)} (${WORDS[by]})`;
        }),
      ]),
    ),
  ]);
}

/** The backward pass, two thirds of computing, is what hides an exchange. */
const HIDING_SECONDS = 2 / 3;

function carried(costs: NodeCosts): void {
  const cell = (given: Case) => {
    const most = mostNodes(HIDING_SECONDS, given);
    return `${most} (${WORDS[limitOf(most + 1, given).by]})`;
  };
  printTable(
    "Predicted: nodes beside the first whose exchange a step that computes for 1 s hides, what the next one would wait for; then with a sliced exchange",
    [
      ["MB of parameters", ...LINKS.map((gigabits) => `${gigabits} Gbit/s`)],
      ...NETWORKS.map((megabytes) => [
        `${megabytes}`,
        ...LINKS.map(
          (gigabits) =>
            `${cell(caseOf(megabytes, gigabits, costs, false))}; ${cell(caseOf(megabytes, gigabits, costs, true))}`,
        ),
      ]),
    ],
  );
}
