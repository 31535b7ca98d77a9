/** The work of one incarnation once it was accepted: assignments in, losses, gradients and evaluations out. */
import type { Recipe } from "../config/recipe.js";
import type { Pipeline } from "../data/augment/pipeline.js";
import type { Dataset } from "../data/dataset.js";
import { ShardLoader } from "../data/loader.js";
import { EpochOrder, globalBatch, indicesOf } from "../data/order.js";
import { streamOf } from "../engine/engine.js";
import type { WeightsKind, WorkerPhase } from "../events.js";
import type { Layout } from "../parameters/layout.js";
import type { Range } from "../parameters/tree.js";
import type { ToCoordinator, ToWorker } from "../protocol/messages.js";
import { deriveKey } from "../random.js";
import type { ShardInput, ShardSink } from "./compute.js";
import type { WorkerExchange } from "./exchange.js";
import { RangeSum } from "./range-sum.js";
import { RangeTimes } from "./range-times.js";
import { type WorkerResiduals, within } from "./residuals.js";

/** What computes; with TensorFlow it is `Compute`. */
export interface Computer {
  shard(input: ShardInput, weights: readonly Float32Array[], sink: ShardSink): Promise<Float32Array>;
  evaluate(
    pixels: Uint8Array,
    labels: Int32Array,
    weights: readonly Float32Array[],
    compiling: () => void,
  ): Promise<{ loss: number; hits: number }>;
}

export interface SessionParts {
  sender: { run: string; rank: number; incarnation: number };
  recipe: Recipe;
  dataset: Dataset;
  /** From the data set's images to the network's. */
  pipelines: { training: Pipeline; evaluation: Pipeline };
  layout: Layout;
  computer: Computer;
  exchange: WorkerExchange;
  /** Of compressed gradients that travel as frames; else null. */
  residuals: WorkerResiduals | null;
  send: (message: ToCoordinator, payload?: Float32Array | Uint8Array) => void;
  /** Tells at once what this worker does: for a while it will tell nothing. */
  beat: () => void;
  /** Milliseconds of a monotonic clock. */
  now: () => number;
}

type Results = Pick<ShardSink, "loss" | "bucket">;

/** What a worker does; each time that it begins something else, it is another object. */
export interface Doing {
  readonly phase: WorkerPhase;
}
const WAITING: Doing = { phase: "waiting" };

/** With the moment at which it came. */
type Assign = Extract<ToWorker, { type: "assign" }> & {
  readonly assignedMs: number;
  /** Times that the run had gone back when it came. */
  readonly rollbacks: number;
};
type Evaluate = Extract<ToWorker, { type: "evaluate" }>;

export class WorkSession {
  readonly #parts: SessionParts;
  readonly #order: EpochOrder;
  readonly #batch: { batchSize: number; shards: number };
  readonly #training: ShardLoader;
  readonly #testing: ShardLoader;
  readonly #queue: (Assign | Evaluate)[] = [];
  #latestStep = 0;
  #rollbacks = 0;
  #working = false;
  #doing = WAITING;
  #drained: Promise<void> = Promise.resolve();

  constructor(parts: SessionParts) {
    this.#parts = parts;
    const { dataset, pipelines, recipe } = parts;
    this.#batch = globalBatch(recipe);
    this.#order = new EpochOrder(recipe.seed, dataset.train.count);
    this.#training = new ShardLoader(dataset.train, dataset.shape, pipelines.training);
    this.#testing = new ShardLoader(dataset.test, dataset.shape, pipelines.evaluation);
  }

  get doing(): Doing {
    return this.#doing;
  }

  #begin(phase: WorkerPhase): void {
    this.#doing = { phase };
  }

  readonly #compiling = (): void => {
    this.#begin("compiling");
    this.#parts.beat();
  };

  putWeights({ kind, version, bucket }: Extract<ToWorker, { type: "weights" }>, payload: Uint8Array | null): void {
    if (this.#parts.exchange.put(kind, version, bucket, payload)) return;
    throw new RangeError(
      `bucket ${bucket} of version ${version} came with ${payload?.byteLength ?? 0} bytes, which the layout does not know`,
    );
  }

  putResidual({ shard, version, bucket }: Extract<ToWorker, { type: "residual" }>, payload: Uint8Array | null): void {
    if (this.#parts.residuals?.put(shard, version, bucket, payload)) return;
    throw new RangeError(
      `bucket ${bucket} of the residual of shard ${shard} came with ${payload?.byteLength ?? 0} bytes, which this run does not know`,
    );
  }

  sendResiduals({ version, shards }: Extract<ToWorker, { type: "sendResiduals" }>): void {
    const { sender, layout, residuals, send } = this.#parts;
    for (const shard of shards) {
      const vector = residuals?.of(shard, version).at(version);
      if (!vector) throw new RangeError(`the residual of shard ${shard} was asked for, which this run does not have`);
      for (const bucket of layout.buckets)
        send({ type: "residual", ...sender, shard, version, bucket: bucket.index }, within(vector, bucket));
    }
  }

  /** The steps after that version will come again. */
  rollBack({ version }: Extract<ToWorker, { type: "rollback" }>): void {
    this.#latestStep = version;
    this.#rollbacks++;
    this.#queue.length = 0;
    this.#parts.residuals?.clear();
  }

  /** Adds work; what belongs to an earlier step is dropped, since that step is over. */
  add(task: Extract<ToWorker, { type: "assign" }> | Evaluate, onError: (error: unknown) => void): void {
    if (task.type === "assign" && task.step > this.#latestStep) {
      this.#latestStep = task.step;
      this.#queue.length = 0;
    }
    this.#queue.push(
      task.type === "assign" ? { ...task, assignedMs: this.#parts.now(), rollbacks: this.#rollbacks } : task,
    );
    if (this.#working) return;
    this.#drained = this.#drain();
    this.#drained.catch(onError);
  }

  /** Begins nothing more; resolves once nothing is computed, and rejects if that failed. */
  end(): Promise<void> {
    this.#latestStep = Number.POSITIVE_INFINITY;
    this.#queue.length = 0;
    return this.#drained;
  }

  async #drain(): Promise<void> {
    this.#working = true;
    for (let task = this.#queue.shift(); task; task = this.#queue.shift()) {
      if (task.type === "evaluate") await this.#evaluate(task);
      else await this.#step(task);
    }
    this.#working = false;
    this.#doing = WAITING;
  }

  #vectors(kind: WeightsKind, version: number): readonly Float32Array[] {
    const vectors = this.#parts.exchange.weights(kind, version);
    if (!vectors) throw new Error(`work at version ${version} was assigned before its weights were all sent`);
    return vectors;
  }

  async #evaluate({ evaluation, kind, version, start, end }: Evaluate): Promise<void> {
    const { sender, computer, send } = this.#parts;
    this.#begin("input");
    const { pixels, labels, release } = await this.#testing.take(`${start}`, indicesOf({ start, end }));
    this.#begin("computing");
    const result = computer.evaluate(pixels, labels, this.#vectors(kind, version), this.#compiling).finally(release);
    const next = this.#queue[0];
    if (next?.type === "evaluate") this.#testing.prepare(`${next.start}`, indicesOf(next));
    const { loss, hits } = await result;
    send({ type: "evaluated", ...sender, evaluation, start, end, loss, hits });
  }

  async #step(task: Assign): Promise<void> {
    const present = task.shards.filter((shard) => this.#samples(task, shard).length > 0);
    for (const range of this.#parts.exchange.ranges(present)) await this.#range(task, range, present);
  }

  #samples({ epoch, stepInEpoch }: Pick<Assign, "epoch" | "stepInEpoch">, shard: number): Uint32Array {
    return this.#order.samples({ epoch, stepInEpoch, ...this.#batch, shard });
  }

  /** False when the step went on without us, or was given up: its shards and residuals may be others' by now. */
  #isCurrent({ step, rollbacks }: Assign): boolean {
    return step === this.#latestStep && rollbacks === this.#rollbacks;
  }

  /** Computes a range's shards in order; each bucket leaves when its last shard's gradient is there. */
  async #range(task: Assign, range: Range, present: readonly number[]): Promise<void> {
    const { sender, layout, exchange, send, now } = this.#parts;
    const shards = present.filter((shard) => shard >= range.start && shard < range.end);
    if (!this.#isCurrent(task)) return;
    const gradients = exchange.gradients(range, shards, task.version);
    const states = new RangeSum(range, shards, (_vector, _level, length) => new Float32Array(length));
    const work = { ...sender, step: task.step, version: task.version };
    const times = new RangeTimes(task.assignedMs, task.traced);
    let state: Float32Array | null = null;
    for (const shard of shards) {
      if (!this.#isCurrent(task)) return;
      const left = await this.#shard(task, shard, times, {
        loss: (loss, hits) => send({ type: "loss", ...work, shard, loss, hits }),
        bucket: (index, values) => {
          const ready = gradients.add(shard, index, values);
          if (ready) send({ type: "bucket", ...work, ...range, bucket: index }, ready.payload);
        },
      });
      if (left === null) return;
      if (layout.stateSize > 0) {
        const weight = this.#samples(task, shard).length / task.batch;
        const weighted = left.map((value) => value * weight);
        state = states.add(shard, -1, streamOf(weighted));
      }
    }
    send({ type: "finished", ...work, ...range, timing: times.told(now()) }, state ?? undefined);
  }

  /** The state that it leaves; null where the step went on without us meanwhile, and with it its weights. */
  async #shard(task: Assign, shard: number, times: RangeTimes, sink: Results): Promise<Float32Array | null> {
    const { recipe, computer, now } = this.#parts;
    const samples = this.#samples(task, shard);
    const inputMs = now();
    this.#begin("input");
    const { pixels, labels, release } = await this.#training.take(`${task.step}/${shard}`, samples, task.epoch);
    if (!this.#isCurrent(task)) {
      release();
      return null;
    }
    const [low, high] = deriveKey(recipe.seed, "noise", task.step, shard);
    const input = { pixels, labels, scale: 1 / task.batch, seed: [low | 0, high | 0] as const };
    const startMs = now();
    this.#begin("computing");
    times.input(shard, inputMs, startMs);
    let backwardMs: number | null = null;
    let writing = false;
    const timed: ShardSink = {
      compiling: this.#compiling,
      loss(loss, hits) {
        backwardMs ??= now();
        sink.loss(loss, hits);
      },
      bucket: (index, values) => {
        const writeMs = now();
        if (!writing) this.#begin("writing");
        writing = true;
        backwardMs ??= writeMs;
        sink.bucket(index, values);
        times.write(shard, index, writeMs, now());
      },
      devices: (spans) => times.devices(shard, startMs, spans),
    };
    const computing = computer.shard(input, this.#vectors("raw", task.version), timed).finally(release);
    this.#prepareNext(task, shard);
    const state = await computing;
    const endMs = now();
    times.compute(shard, startMs, backwardMs ?? endMs, endMs);
    return state;
  }

  /** While TensorFlow computes: the next shard of this assignment, else most likely the same work of the next step. */
  #prepareNext(task: Assign, shard: number): void {
    const next = task.shards[task.shards.indexOf(shard) + 1];
    if (next !== undefined)
      return this.#training.prepare(`${task.step}/${next}`, this.#samples(task, next), task.epoch);
    const { dataset } = this.#parts;
    const following = { epoch: task.epoch, stepInEpoch: task.stepInEpoch + 1 };
    if (following.stepInEpoch * this.#batch.batchSize >= dataset.train.count) return; // another epoch has another order
    this.#training.prepare(`${task.step + 1}/${task.shards[0]}`, this.#samples(following, task.shards[0]!), task.epoch);
  }
}
