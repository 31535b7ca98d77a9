/**
 * A worker without TensorFlow: it speaks the protocol for real, and its "gradient" is a simple function of weights and
 * sample numbers, computed in float32.
 */
import type { Fingerprint } from "../../src/config/fingerprint.js";
import { EpochOrder, globalBatch } from "../../src/data/order.js";
import type { WeightsKind } from "../../src/events.js";
import type { RunMemory } from "../../src/exchange/memory.js";
import { asBytes } from "../../src/parameters/bytes.js";
import { type Layout, layoutOf } from "../../src/parameters/layout.js";
import { childrenOf, coverOf, type Range } from "../../src/parameters/tree.js";
import { asFloat32, decodeToWorker, encode } from "../../src/protocol/codec.js";
import { PROTOCOL, type ToCoordinator, type ToWorker } from "../../src/protocol/messages.js";
import type { MemoryNetwork } from "../../src/transport/memory.js";
import { TIMING } from "./step-values.js";

export const FINGERPRINT: Fingerprint = {
  software: "0",
  tensorflow: "2",
  build: "b",
  device: "cpu",
  instructions: "i",
  onednn: "d",
  threads: 1,
  deterministic: true,
  tf32: false,
};
export const DATASET = "d".repeat(64);
export const TOPOLOGY = "e".repeat(64);

export interface FakeWorkerOptions {
  layout: Layout;
  train: number;
  token?: string | null;
  /** Shared with whoever started it, and used where it is told so; a shard a block. */
  memory?: () => RunMemory;
  fingerprint?: Fingerprint;
  /** Called before each message goes out; false swallows it and everything after it (the worker is dead). */
  beforeSend?: (message: ToCoordinator) => boolean;
  /** Changes a shard's loss. */
  loss?: (step: number, shard: number, loss: number) => number;
  /** Changes a range's gradient. */
  gradient?: (step: number, range: Range, bucket: number, values: Float32Array) => Float32Array;
}

export class FakeWorker {
  readonly link: ReturnType<MemoryNetwork["connect"]>;
  readonly received: ToWorker["type"][] = [];
  readonly #options: FakeWorkerOptions;
  readonly #weights = new Map<string, Float32Array>();
  #recipe: Extract<ToWorker, { type: "recipe" }> | null = null;
  #sender = { run: "", rank: 0, incarnation: 0 };
  #order: EpochOrder | null = null;
  #memory: RunMemory | null = null;
  dead = false;

  constructor(network: MemoryNetwork, options: FakeWorkerOptions) {
    this.#options = options;
    this.link = network.connect();
    this.link.onMessage((parts) => this.#receive(parts));
    this.say({ type: "hello", protocol: PROTOCOL, token: options.token ?? null, pid: 1, host: "here", device: "cpu" });
  }

  get rank(): number {
    return this.#sender.rank;
  }
  get incarnation(): number {
    return this.#sender.incarnation;
  }

  say(message: ToCoordinator, payload?: Float32Array): void {
    if (this.dead) return;
    if (this.#options.beforeSend && !this.#options.beforeSend(message)) {
      this.dead = true;
      return;
    }
    this.link.send(payload ? { header: encode(message), payload: asBytes(payload) } : { header: encode(message) });
  }

  #receive(parts: readonly Uint8Array[]): void {
    const decoded = decodeToWorker(parts);
    if (this.dead || !decoded.ok) return;
    const { message, payload } = decoded;
    this.received.push(message.type);
    switch (message.type) {
      case "recipe":
        this.#recipe = message;
        this.#order = new EpochOrder(message.recipe.seed, this.#options.train);
        return this.say({
          type: "join",
          fingerprint: this.#options.fingerprint ?? FINGERPRINT,
          datasetSha256: DATASET,
          topologySha256: TOPOLOGY,
          parameters: null,
        });
      case "accept":
        this.#sender = { run: message.run, rank: message.rank, incarnation: message.incarnation };
        if (message.exchange === "shared-memory") this.#memory = this.#options.memory!();
        return;
      case "weights": {
        const { layout } = this.#options;
        const size = message.bucket < 0 ? layout.stateSize : layout.buckets[message.bucket]!.size;
        this.#weights.set(`${message.kind} ${message.version}/${message.bucket}`, asFloat32(payload, size)!.slice());
        return;
      }
      case "assign":
        return this.#compute(message);
      case "evaluate": {
        const w = this.#bucket(message.version, 0, message.kind);
        this.say({
          type: "evaluated",
          ...this.#sender,
          evaluation: message.evaluation,
          start: message.start,
          end: message.end,
          loss: (message.end - message.start) * Math.abs(w[0]!),
          hits: message.end - message.start - 1,
        });
        return;
      }
      default:
        return;
    }
  }

  #bucket(version: number, bucket: number, kind: WeightsKind = "raw"): Float32Array {
    if (this.#memory) return this.#inMemory(this.#memory, version, bucket, kind);
    const weights = this.#weights.get(`${kind} ${version}/${bucket}`);
    if (!weights) throw new Error(`rank ${this.rank} was given work at version ${version} without bucket ${bucket}`);
    return weights;
  }

  #inMemory(memory: RunMemory, version: number, bucket: number, kind: WeightsKind): Float32Array {
    const raw = { weights: memory.weights(version), state: memory.state(version) };
    const { weights, state } = kind === "ema" ? memory.ema(version)! : raw;
    if (bucket < 0) return state;
    const { offset, size } = this.#options.layout.buckets[bucket]!;
    return weights.subarray(offset, offset + size);
  }

  #compute(assign: Extract<ToWorker, { type: "assign" }>): void {
    const { layout } = this.#options;
    const batch = globalBatch(this.#recipe!.recipe);
    const work = { ...this.#sender, step: assign.step, version: assign.version };
    const samplesOf = (shard: number) =>
      this.#order!.samples({
        epoch: assign.epoch,
        stepInEpoch: assign.stepInEpoch,
        ...batch,
        shard,
      });
    const empty = new Set(assign.shards.filter((shard) => samplesOf(shard).length === 0));
    const mine = assign.shards.filter((shard) => !empty.has(shard));
    for (const shard of mine) {
      const loss = samplesOf(shard).length / assign.batch;
      this.say({ type: "loss", ...work, shard, loss: this.#options.loss?.(assign.step, shard, loss) ?? loss, hits: 1 });
    }
    const sum = (range: Range, leaf: (shard: number) => Float32Array): Float32Array => {
      const children = childrenOf(range);
      if (!children) return leaf(range.start);
      const [left, right] = [sum(children[0], leaf), sum(children[1], leaf)];
      return left.map((value, index) => value + right[index]!);
    };
    const alone = (shard: number): Range => ({ start: shard, end: shard + 1 });
    for (const range of this.#memory ? mine.map(alone) : coverOf(mine, batch.shards)) {
      for (const { index, size } of layout.buckets) {
        const weights = this.#bucket(assign.version, index);
        const gradient = sum(range, (shard) => {
          const out = new Float32Array(size);
          for (const sample of samplesOf(shard))
            for (let i = 0; i < size; i++) out[i] = out[i]! + (weights[i]! * 0.3 - Math.sin(sample + i)) / assign.batch;
          return out;
        });
        const said = this.#options.gradient?.(assign.step, range, index, gradient) ?? gradient;
        this.#memory?.gradient(range.start, layout.buckets[index]!).set(said);
        this.say({ type: "bucket", ...work, ...range, bucket: index }, this.#memory ? undefined : said);
      }
      const state =
        layout.stateSize > 0
          ? sum(range, (shard) =>
              this.#bucket(assign.version, -1).map(
                (value, i) => (value * 0.9 + Math.cos(shard + i)) * (samplesOf(shard).length / assign.batch),
              ),
            )
          : undefined;
      this.say({ type: "finished", ...work, ...range, timing: TIMING }, state);
    }
  }
}

/** Three buckets and a little state. */
/** Three buckets and a state; with `bucketBytes` as runs have them, one bucket. */
export function testLayout(bucketBytes = 4): Layout {
  const parameter = (name: string, size: number, role: "trainable" | "state") => ({
    name,
    shape: [size],
    role,
    init: { kind: "zeros" } as const,
    decay: true,
  });
  return layoutOf(
    [
      parameter("a", 5, "trainable"),
      parameter("b", 7, "trainable"),
      parameter("c", 3, "trainable"),
      parameter("s", 4, "state"),
    ],
    bucketBytes,
  );
}

/** A flat vector with a value for each parameter's elements; what lies between two buckets is nobody's, and 0. */
export function filled(layout: Layout, value: (index: number) => number): Float32Array {
  const used = (index: number) => layout.buckets.some(({ offset, size }) => index >= offset && index < offset + size);
  return Float32Array.from({ length: layout.size }, (_, index) => (used(index) ? value(index) : 0));
}
