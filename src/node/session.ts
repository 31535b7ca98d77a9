/** The work of a node once it was accepted: assignments in, one sum a bucket and range out, in the order in which they came. */
import type { Recipe } from "../config/recipe.js";
import { emptyShards, globalBatch } from "../data/order.js";
import { Slots } from "../exchange/slots.js";
import { timingOf } from "../membership/step-times.js";
import type { Workers } from "../membership/workers.js";
import type { ToCoordinator, ToWorker } from "../protocol/messages.js";
import { NodeEvaluation } from "./evaluation.js";
import type { NodeMemory } from "./memory.js";
import { NodeStep } from "./step.js";

type Assign = Extract<ToWorker, { type: "assign" }>;
type Evaluate = Extract<ToWorker, { type: "evaluate" }>;

export interface NodeSessionParts {
  sender: { run: string; rank: number; incarnation: number };
  recipe: Recipe;
  /** Shards a block. */
  block: number;
  /** The node's own. */
  workers: Pick<Workers, "collect">;
  memory: NodeMemory;
  send(message: ToCoordinator, payload?: Float32Array): void;
  /** Milliseconds of the machine's monotonic clock. */
  now(): number;
}

export class NodeSession {
  readonly #parts: NodeSessionParts;
  readonly #queue: (Evaluate | (Assign & { readonly assignedMs: number }))[] = [];
  readonly #sums = new Slots();
  #working = false;

  constructor(parts: NodeSessionParts) {
    this.#parts = parts;
  }

  get isWorking(): boolean {
    return this.#working;
  }

  /** RangeError when the layout does not know the bucket. */
  putWeights({ kind, version, bucket }: Extract<ToWorker, { type: "weights" }>, payload: Uint8Array | null): void {
    if (this.#parts.memory.put(kind, version, bucket, payload)) return;
    throw new RangeError(
      `bucket ${bucket} of version ${version} came with ${payload?.byteLength ?? 0} bytes, which the layout does not know`,
    );
  }

  add(task: Assign | Evaluate, onError: (error: unknown) => void): void {
    this.#queue.push(task.type === "assign" ? { ...task, assignedMs: this.#parts.now() } : task);
    if (!this.#working) this.#drain().catch(onError);
  }

  async #drain(): Promise<void> {
    this.#working = true;
    for (let task = this.#queue.shift(); task; task = this.#queue.shift()) {
      if (task.type === "evaluate") await this.#evaluate(task);
      else await this.#step(task);
    }
    this.#working = false;
  }

  async #step(task: Assign & { readonly assignedMs: number }): Promise<void> {
    const { sender, recipe, block, workers, memory, send } = this.#parts;
    const { step, version, epoch, stepInEpoch, batch, traced, assignedMs } = task;
    const work = { ...sender, step, version };
    const { shards } = globalBatch(recipe);
    const empty = emptyShards(batch, shards);
    const given = task.shards.filter((shard) => !empty.includes(shard));
    const plan = { step, version, epoch, stepInEpoch, batch, shards, block, empty, traced };
    const sums = new NodeStep(plan, given, memory.view("raw", version), {
      loss: (shard, { loss, hits }) => send({ type: "loss", ...work, shard, loss, hits }),
      bucket: (range, bucket, sum) => send({ type: "bucket", ...work, ...range, bucket }, sum),
      gradient: (shard, bucket) => memory.gradient(shard, bucket),
      sum: (key, bucket, program) => {
        const sum = this.#sums.take(key, memory.layout.buckets[bucket]!.size);
        memory.add(bucket, program, sum);
        return sum;
      },
    });
    const { ranks } = await workers.collect(sums);
    for (const [worker, times] of ranks)
      send({ type: "times", ...work, worker, shards: times.shards, timing: timingOf(times, assignedMs) });
    for (const { range, state } of sums.finished())
      send({ type: "finished", ...work, ...range, timing: null }, state ?? undefined);
  }

  /** With all other chunks of this evaluation that wait, so that all workers have some. */
  async #evaluate(first: Evaluate): Promise<void> {
    const { sender, workers, memory, send } = this.#parts;
    const { evaluation, kind, version } = first;
    const chunks = [first];
    for (
      let next = this.#queue[0];
      next?.type === "evaluate" && next.evaluation === evaluation;
      next = this.#queue[0]
    ) {
      chunks.push(next);
      this.#queue.shift();
    }
    const spans = chunks.map(({ start, end }) => ({ start, end }));
    await workers.collect(
      new NodeEvaluation(spans, memory.view(kind, version), (chunk, { loss, hits }) =>
        send({ type: "evaluated", ...sender, evaluation, ...chunk, loss, hits }),
      ),
    );
  }
}
