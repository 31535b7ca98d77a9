/** Costs from measured steps, by least squares of the relative errors, none below zero. Pure. */

import { type Crossing, messagesOf, type NodeCosts } from "../../src/prediction/nodes.js";
import type { Cost } from "./coordinator.js";
import { simulatedLayout } from "./simulated.js";

export interface Sample extends Pick<Cost, "coordinatorMs" | "workersMs"> {
  workers: number;
  megabytes: number;
}

/** CPU milliseconds. */
export interface FittedCosts {
  /** A step, a message that comes in, a MB of each shard's gradient, a MB of the parameters. */
  coordinator: { step: number; message: number; shardMegabyte: number; megabyte: number };
  /** Of one worker with one shard: a step, a MB. */
  worker: { step: number; megabyte: number };
  /** Largest relative error of either. */
  deviation: number;
}

export function fitCosts(samples: readonly Sample[]): FittedCosts {
  const coordinatorTerms = samples.map(({ workers, megabytes }) => [
    1,
    workers * (simulatedLayout(megabytes).buckets.length + MESSAGES_BESIDE_BUCKETS),
    workers * megabytes,
    megabytes,
  ]);
  const workerTerms = samples.map(({ megabytes }) => [1, megabytes]);
  const [coordinatorMs, workerMs] = [
    samples.map((sample) => sample.coordinatorMs),
    samples.map((sample) => sample.workersMs / sample.workers),
  ];
  const [step, message, shardMegabyte, megabyte] = leastSquares(coordinatorTerms, coordinatorMs);
  const [workerStep, workerMegabyte] = leastSquares(workerTerms, workerMs);
  return {
    coordinator: { step: step!, message: message!, shardMegabyte: shardMegabyte!, megabyte: megabyte! },
    worker: { step: workerStep!, megabyte: workerMegabyte! },
    deviation: Math.max(
      deviation(coordinatorTerms, coordinatorMs, [step!, message!, shardMegabyte!, megabyte!]),
      deviation(workerTerms, workerMs, [workerStep!, workerMegabyte!]),
    ),
  };
}

export interface NodeSample extends Pick<Cost, "threadMs" | "socketMs"> {
  nodes: number;
  /** Of each. */
  workers: number;
  megabytes: number;
}

/** Of simulated nodes, which have a whole range of the tree each; what all threads that encrypt take together. */
export function crossingOf({ nodes, workers, megabytes }: Omit<NodeSample, "threadMs" | "socketMs">): Crossing {
  const { buckets, parameters } = simulatedLayout(megabytes);
  return { nodes, workers, sums: nodes, parameterBytes: parameters * 4, buckets: buckets.length, socketThreads: 1 };
}

/** CPU seconds, and the largest relative error of either thread. */
export function fitNodeCosts(samples: readonly NodeSample[]): { costs: NodeCosts; deviation: number } {
  const threadTerms = samples.map((sample) => [
    1,
    messagesOf(crossingOf(sample)),
    sample.nodes * sample.megabytes,
    sample.megabytes,
  ]);
  const socketTerms = threadTerms.map(([, messages, crossed]) => [messages!, crossed!]);
  const [threadSeconds, socketSeconds] = [
    samples.map(({ threadMs }) => threadMs / 1e3),
    samples.map(({ socketMs }) => socketMs / 1e3),
  ];
  const thread = leastSquares(threadTerms, threadSeconds);
  const socket = leastSquares(socketTerms, socketSeconds);
  const [step, message, crossedMegabyte, megabyte] = thread;
  const [socketMessage, socketMegabyte] = socket;
  return {
    costs: {
      step: step!,
      message: message!,
      crossedMegabyte: crossedMegabyte!,
      megabyte: megabyte!,
      socketMessage: socketMessage!,
      socketMegabyte: socketMegabyte!,
    },
    deviation: Math.max(deviation(threadTerms, threadSeconds, thread), deviation(socketTerms, socketSeconds, socket)),
  };
}

/** A shard's loss and its end. */
const MESSAGES_BESIDE_BUCKETS = 2;
const ROUNDS = 2000;

/**
 * Coefficients x >= 0 that make the sum over rows of ((row . x - y) / y)^2 least, by coordinate descent: each in turn is set
 * to its best, which for so few columns converges.
 */
export function leastSquares(rows: readonly (readonly number[])[], values: readonly number[]): number[] {
  const columns = rows[0]?.length ?? 0;
  const scaled = rows.map((row, at) => row.map((term) => term / values[at]!));
  const x = new Array<number>(columns).fill(0);
  for (let round = 0; round < ROUNDS; round++)
    for (let column = 0; column < columns; column++) {
      let [above, below] = [0, 0];
      for (const row of scaled) {
        const others = row.reduce((sum, term, at) => (at === column ? sum : sum + term * x[at]!), 0);
        above += row[column]! * (1 - others);
        below += row[column]! ** 2;
      }
      x[column] = below === 0 ? 0 : Math.max(0, above / below);
    }
  return x;
}

function deviation(rows: readonly (readonly number[])[], values: readonly number[], x: readonly number[]): number {
  const errors = rows.map((row, at) => {
    const predicted = row.reduce((sum, term, column) => sum + term * x[column]!, 0);
    return Math.abs(predicted / values[at]! - 1);
  });
  return Math.max(0, ...errors);
}
