/** A real node between a coordinator and fake workers, over memory links. */
import { globalBatch } from "../../src/data/order.js";
import type { RunEvent } from "../../src/events.js";
import { SharedFile } from "../../src/exchange/mapping.js";
import { RunMemory } from "../../src/exchange/memory.js";
import type { Incarnation } from "../../src/membership/incarnation.js";
import type { Hooks } from "../../src/node/crew.js";
import { type NodeOutcome, runNode } from "../../src/node/node.js";
import { memoryNetwork } from "../../src/transport/memory.js";
import type { fakeRun } from "./fake-run.js";
import { FakeWorker, type FakeWorkerOptions } from "./fake-worker.js";

export function fakeNode(
  run: ReturnType<typeof fakeRun>,
  given: { node?: number; workers?: number; options?: (worker: Incarnation) => Partial<FakeWorkerOptions> } = {},
) {
  const { layout, recipe, clock } = run;
  const up = run.network.connect();
  const down = memoryNetwork();
  const file = SharedFile.create();
  const workers: FakeWorker[] = [];
  const events: RunEvent[] = [];
  const leaving = new AbortController();
  const crew: { hooks: Hooks | null } = { hooks: null };
  const { shards } = globalBatch(recipe);
  const memory = () =>
    new RunMemory(file, layout, { shards, block: 1, ema: recipe.ema !== null, compressed: false, slotNames: [] });
  const start = (worker: Incarnation): FakeWorker => {
    const token = `${worker.rank}/${worker.incarnation}`;
    crew.hooks!.expectWorker({ ...worker, token });
    const started = new FakeWorker(down, { layout, train: run.train, token, memory, ...given.options?.(worker) });
    workers.push(started);
    return started;
  };
  const outcome: Promise<NodeOutcome> = runNode(
    {
      node: given.node ?? 1,
      workers: given.workers ?? 2,
      host: "there",
      device: "cpu",
      pid: 9,
      placement: { stepTimeout: 60, heartbeatTimeout: 10, minWorkers: null, waitWorkers: 0, backupShards: false },
      waits: { firstMs: 60_000, againMs: 30_000 },
      heartbeatMs: 1_000_000,
    },
    {
      up,
      link: down.coordinator,
      file,
      clock,
      observe: (event) => void events.push(event),
      note() {},
      logTail: () => ({ header: "", lines: [] }),
      startWorkers(ranks, _block, _task, hooks) {
        crew.hooks = hooks;
        ranks.forEach(start);
        return { end: async () => {}, possible: () => ranks.length, close: async () => {} };
      },
    },
    leaving.signal,
  );
  /** The process of a worker ends, and is started again. */
  const restart = (worker: Incarnation): FakeWorker => {
    crew.hooks!.workerExited({ ...worker, detail: "it was killed" });
    return start({ rank: worker.rank, incarnation: worker.incarnation + 1 });
  };
  return { up, workers, events, outcome, leave: () => leaving.abort(), restart };
}
