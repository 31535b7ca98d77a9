/**
 * A process of simulated workers: each is the real worker, with the real protocol and the real exchange, but for the network:
 * it writes the same gradient at once. Started by coordinator.ts, which gives it a `Group` and perhaps the run's memory.
 */
import { setImmediate as turn } from "node:timers/promises";
import { ALONE_MS } from "../../src/config/time-limits.js";
import { loadSynthetic } from "../../src/data/synthetic.js";
import { streamOf } from "../../src/engine/engine.js";
import { SharedFile } from "../../src/exchange/mapping.js";
import { RunMemory } from "../../src/exchange/memory.js";
import type { Layout } from "../../src/parameters/layout.js";
import { connectWorker } from "../../src/transport/worker-socket.js";
import type { Computer } from "../../src/worker/session.js";
import { runWorker, type WorkerOptions, type WorkerSetup } from "../../src/worker/worker.js";
import { FINGERPRINT, type Group, simulatedLayout } from "./simulated.js";

/** As for a worker of a run: the descriptor after Node's channel. */
const MEMORY_DESCRIPTOR = 4;

/** A bucket a turn of the event loop, as they come out of a backward pass. */
function constantGradient({ buckets }: Layout): Computer {
  const gradient = new Float32Array(Math.max(...buckets.map(({ size }) => size))).fill(1e-6);
  return {
    async shard(_, __, sink) {
      sink.loss(0.01, 0);
      for (const { index, size } of buckets) {
        await turn();
        sink.bucket(index, streamOf(gradient.subarray(0, size)));
      }
      return new Float32Array(0);
    },
    evaluate: async () => ({ loss: 0, hits: 0 }),
  };
}

/**
 * Vectors of weights by their order of allocation: the workers of this process may hold the same ones, since what they write
 * into them is the same. Each still copies what it gets; 64 copies of the weights do not fit every machine.
 */
function sharedVectors(): () => WorkerSetup["allocate"] {
  const vectors: Float32Array[] = [];
  return () => {
    let next = 0;
    return (length) => {
      const vector = vectors[next] ?? new Float32Array(length);
      vectors[next++] = vector;
      return vector;
    };
  };
}

async function main({ endpoint, megabytes, tokens }: Group): Promise<void> {
  const layout = simulatedLayout(megabytes);
  const computer = constantGradient(layout);
  const vectors = sharedVectors();
  const memories: RunMemory[] = [];
  const memory: WorkerOptions["openMemory"] = (_, contents) => {
    memories[0] ??= new RunMemory(SharedFile.inherited(MEMORY_DESCRIPTOR), layout, { ...contents, block: 1 });
    return memories[0];
  };
  const work = async (token: string | null): Promise<void> => {
    const link = connectWorker(endpoint, null);
    const outcome = await runWorker({
      link,
      token,
      host: "localhost",
      device: "simulated",
      pid: process.pid,
      log: null,
      aloneMs: ALONE_MS,
      rejoins: false,
      prepare: async (recipe) => {
        const dataset = loadSynthetic(recipe.datasetOptions);
        const unchanged = { shape: dataset.shape, apply: null };
        return {
          fingerprint: FINGERPRINT,
          dataset,
          pipelines: { training: unchanged, evaluation: unchanged },
          topologySha256: "0".repeat(64),
          layout,
          computer,
          allocate: vectors(),
          memory: () => ({ tensors: 0, bytes: 0 }),
          initialValues: null,
          close: async () => {},
        };
      },
      openMemory: token === null ? null : memory,
      now: () => performance.now(),
      rssBytes: () => 0,
    });
    await link.close();
    if (outcome.kind !== "stopped") throw new Error(`a worker ${outcome.kind}: ${outcome.detail}`);
  };
  await Promise.all(tokens.map(work));
}

process.on("disconnect", () => process.exit(1)); // the coordinator is gone
await main(JSON.parse(process.argv[2]!) as Group);
process.exit(0);
