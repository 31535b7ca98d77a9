/** A real worker over a memory link: its network and TensorFlow are replaced by arithmetic that a test can repeat. */
import type { TestContext } from "node:test";
import type { WrittenRecipe } from "../../src/config/recipe.js";
import { loadSynthetic } from "../../src/data/synthetic.js";
import { streamOf } from "../../src/engine/engine.js";
import type { RunMemory } from "../../src/exchange/memory.js";
import { asBytes } from "../../src/parameters/bytes.js";
import type { Layout } from "../../src/parameters/layout.js";
import { asFloat32, decodeToCoordinator, encode } from "../../src/protocol/codec.js";
import type { ToCoordinator, ToWorker } from "../../src/protocol/messages.js";
import { memoryNetwork } from "../../src/transport/memory.js";
import type { ShardInput } from "../../src/worker/compute.js";
import type { Computer } from "../../src/worker/session.js";
import { runWorker, type WorkerSetup } from "../../src/worker/worker.js";
import { FINGERPRINT, TOPOLOGY, testLayout } from "./fake-worker.js";
import { testRecipe } from "./recipe.js";

/** Two full batches of 8 and a short one of 3: fewer images than shards. */
export const DATA = loadSynthetic({ height: 2, width: 2, channels: 1, classes: 3, train: 19, test: 10 });

/** Every input has its part in it, so that a wrong sample, seed, scale or weight shows. */
export function fakeGradient(input: Omit<ShardInput, "labels"> & { labels: ArrayLike<number> }, weights: Float32Array) {
  let seen = input.seed[0] * 1e-9 + input.seed[1] * 1e-10;
  for (let at = 0; at < input.pixels.length; at++) seen += input.pixels[at]! * (at + 1);
  for (let at = 0; at < input.labels.length; at++) seen += input.labels[at]! * (at + 3);
  return weights.map((weight, index) => (weight + Math.sin(seen + index)) * input.scale);
}

export class FakeComputer implements Computer {
  readonly #layout: Layout;
  /** Awaited before each computation; what it throws the computation throws. */
  gate: () => Promise<void> = async () => {};
  shards = 0;
  evaluations = 0;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  async shard(...[input, weights, sink]: Parameters<Computer["shard"]>): Promise<Float32Array> {
    this.shards++;
    await this.gate();
    sink.loss(fakeGradient(input, weights[0]!)[0]!, input.labels.length);
    for (const { index } of this.#layout.buckets) {
      const lent = fakeGradient(input, weights[index]!);
      sink.bucket(index, streamOf(lent));
      lent.fill(Number.NaN); // only valid during the call
    }
    return fakeGradient(input, weights.at(-1)!);
  }

  async evaluate(...[pixels, labels, weights]: Parameters<Computer["evaluate"]>) {
    this.evaluations++;
    await this.gate();
    return { loss: fakeGradient({ pixels, labels, scale: 1, seed: [0, 0] }, weights[0]!)[0]!, hits: labels.length };
  }
}

export interface Received {
  message: ToCoordinator;
  values: Float32Array | null;
}

/** `said`: what the worker sent, in order. `prepare` replaces or delays the setup. Ends with the test, passed or not. */
export function startWorker(
  context: TestContext,
  given: {
    recipe?: Partial<WrittenRecipe>;
    heartbeatMs?: number;
    aloneMs?: number;
    rejoins?: boolean;
    log?: string;
    setup?: Partial<WorkerSetup>;
    /** The run's memory, if the worker was started with it. */
    memory?: RunMemory;
    /** Whether a failure is answered, as a coordinator does. */
    answers?: boolean;
    prepare?: (setup: WorkerSetup, progress: (what: string) => void) => Promise<WorkerSetup>;
  } = {},
) {
  const network = memoryNetwork();
  const layout = testLayout();
  const recipe = testRecipe(given.recipe);
  const computer = new FakeComputer(layout);
  const said: Received[] = [];
  network.coordinator.onMessage((_, parts) => {
    const decoded = decodeToCoordinator(parts);
    if (!decoded.ok) throw new Error(`the worker sent what the coordinator would drop: ${decoded.reason}`);
    const { message, payload } = decoded;
    said.push({ message, values: payload && asFloat32(payload, payload.byteLength / 4)!.slice() });
    if (message.type === "failed" && given.answers !== false)
      queueMicrotask(() => tell({ type: "evict", reason: "it failed" }));
  });
  const closed = { times: 0 };
  const unchanged = { shape: DATA.shape, apply: null };
  const setup: WorkerSetup = {
    fingerprint: FINGERPRINT,
    dataset: DATA,
    pipelines: { training: unchanged, evaluation: unchanged },
    topologySha256: TOPOLOGY,
    layout,
    computer,
    allocate: (length) => new Float32Array(length),
    memory: () => ({ tensors: 3, bytes: 4 }),
    initialValues: null,
    close: async () => void closed.times++,
    ...given.setup,
  };
  const link = network.connect();
  /** Tells the worker that its coordinator is reached, or lost. */
  let connection: (connected: boolean) => void = () => {};
  const outcome = runWorker({
    link: {
      ...link,
      // As a socket's queue does, it reads a payload only after `send` came back.
      send: (message) => queueMicrotask(() => link.send(message)),
      onConnection(handler) {
        connection = handler;
      },
    },
    token: "token",
    aloneMs: given.aloneMs ?? 1_000_000,
    rejoins: given.rejoins ?? false,
    host: "here",
    device: "cpu",
    pid: 7,
    log: given.log ?? null,
    prepare: async (_, __, progress) => (given.prepare ? given.prepare(setup, progress) : setup),
    now: () => 0,
    openMemory: given.memory ? () => given.memory! : null,
    rssBytes: () => 5,
    heartbeatMs: given.heartbeatMs ?? 1_000_000,
  });
  const tell = (message: ToWorker, payload?: Float32Array) =>
    network.coordinator.send(
      link.peer,
      payload ? { header: encode(message), payload: asBytes(payload) } : { header: encode(message) },
    );
  context.after(() => {
    tell({ type: "stop", reason: "the test is over" });
    return outcome;
  });
  const sayWeights = (version: number): Float32Array[] => {
    const vectors = [...layout.buckets.map(({ size }) => size), layout.stateSize].map((size, place) =>
      Float32Array.from({ length: size }, (_, index) => Math.cos(version * 100 + place * 10 + index)),
    );
    vectors.forEach((vector, index) => {
      tell({ type: "weights", kind: "raw", version, bucket: index === layout.buckets.length ? -1 : index }, vector);
    });
    return vectors;
  };
  const accept = (exchange: "frames" | "shared-memory" = "frames") => {
    tell({ type: "recipe", run: "run", recipe, pixelStatistics: null });
    setImmediate(() => tell({ type: "accept", run: "run", rank: 2, incarnation: 5, exchange }));
  };
  const of = <T extends ToCoordinator["type"]>(type: T) =>
    said.flatMap(({ message, values }) =>
      message.type === type ? [{ ...(message as Extract<ToCoordinator, { type: T }>), values }] : [],
    );
  const connect = (connected: boolean) => connection(connected);
  return { network, layout, recipe, computer, said, closed, outcome, tell, sayWeights, accept, of, link, connect };
}
