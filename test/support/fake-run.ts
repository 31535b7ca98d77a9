/** A coordinator with fake workers, a fake clock and a memory network. */
import type { Snapshot } from "../../src/checkpoint/snapshot.js";
import type { Fingerprint } from "../../src/config/fingerprint.js";
import type { WrittenRecipe } from "../../src/config/recipe.js";
import { type CoordinatorOptions, createCoordinator } from "../../src/coordinator/coordinator.js";
import type { RunEvent } from "../../src/events.js";
import { SharedFile } from "../../src/exchange/mapping.js";
import { NEW_SCHEDULE } from "../../src/optim/schedule.js";
import type { Layout } from "../../src/parameters/layout.js";
import { memoryNetwork } from "../../src/transport/memory.js";
import { FakeClock } from "./fake-clock.js";
import { DATASET, FakeWorker, type FakeWorkerOptions, filled, TOPOLOGY, testLayout } from "./fake-worker.js";
import { testRecipe } from "./recipe.js";

export const TRAIN = 22; // two full batches of 8 and a short one of 6

export function fakeRun(
  given: {
    recipe?: Partial<WrittenRecipe>;
    workers?: number;
    gatherMs?: number;
    nodes?: CoordinatorOptions["nodes"];
    layout?: Layout;
    start?: Partial<Snapshot>;
    /** A model of the user's own: the first worker brings its values. */
    values?: "from the first worker";
    placement?: Partial<CoordinatorOptions["placement"]>;
    train?: number;
    endWorker?: () => Promise<void>;
    save?: (snapshot: Snapshot) => Promise<void>;
    committed?: (snapshot: Snapshot) => void;
    engineKnown?: (fingerprint: Fingerprint) => string;
  } = {},
) {
  const layout = given.layout ?? testLayout();
  const network = memoryNetwork();
  const clock = new FakeClock();
  const events: RunEvent[] = [];
  const saved: Snapshot[] = [];
  const ended: { rank: number; incarnation: number }[] = [];
  const possible = { workers: given.workers ?? 1 };
  const recipe = testRecipe(given.recipe);
  const train = given.train ?? TRAIN;
  const recipeSha256 = "f".repeat(64);
  const {
    layout: stored,
    weights,
    state,
    ...progress
  }: Snapshot = {
    recipe,
    recipeSha256,
    image: [4, 4, 1],
    classNames: ["a", "b"],
    pixelStatistics: null,
    fingerprint: null,
    layout,
    step: 0,
    epoch: 0,
    stepInEpoch: 0,
    schedule: NEW_SCHEDULE,
    best: null,
    loss: null,
    evaluated: false,
    weights: filled(layout, Math.cos),
    state: new Float32Array(layout.stateSize),
    slots: {},
    ema: null,
    residuals: [],
    ...given.start,
  };
  const coordinator = createCoordinator(
    {
      run: "run",
      start: { ...progress, values: given.values ?? { layout: stored, weights, state } },
      train,
      test: 10,
      expect: { datasetSha256: DATASET, topologySha256: TOPOLOGY },
      workers: given.workers ?? 1,
      gatherMs: given.gatherMs ?? null,
      stopAfterStep: null,
      isTraced: () => false,
      exchange: "frames",
      block: 1,
      nodes: given.nodes ?? null,
      placement: {
        checkpointEverySteps: 0,
        checkpointEverySeconds: 0,
        checkpointFailures: 3,
        evaluateEveryEpochs: 1,
        stepTimeout: 60,
        heartbeatTimeout: 10,
        minWorkers: null,
        backupShards: false,
        waitWorkers: 600,
        ...given.placement,
      },
    },
    {
      link: network.coordinator,
      file: SharedFile.create(),
      clock,
      emit: (event) => void events.push(event),
      engineKnown: (fingerprint) => given.engineKnown?.(fingerprint) ?? recipeSha256,
      async save(snapshot) {
        await given.save?.(snapshot);
        saved.push(structuredClone(snapshot));
        return { path: `step-${snapshot.step}`, sizeBytes: 1 };
      },
      newest: async () => saved.at(-1) ?? null,
      assertHeld() {},
      committed: (snapshot) => given.committed?.(snapshot),
      async endWorker(rank, incarnation) {
        ended.push({ rank, incarnation });
        await given.endWorker?.();
      },
      workersPossible: () => possible.workers,
      logTail: () => ({ header: "--- rank", lines: ["last words"] }),
    },
  );
  const worker = (options: Partial<FakeWorkerOptions> = {}) => new FakeWorker(network, { layout, train, ...options });
  return { train, layout, network, clock, events, saved, ended, possible, coordinator, worker, recipe };
}

/** The bits of everything that a run leaves. */
export function bitsOf(snapshot: Snapshot): string {
  const hex = (values: Float32Array) =>
    Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("hex");
  const averages = snapshot.ema ? [hex(snapshot.ema.weights), hex(snapshot.ema.state)] : [];
  const slots = Object.values(snapshot.slots).map(hex);
  return [snapshot.step, hex(snapshot.weights), hex(snapshot.state), ...averages, ...slots].join("/");
}
