/** From a step's gradients to the next version of the weights, in the other half of the double buffer. */
import { CnnDistError } from "../../errors.js";
import type { BucketSpan } from "../../membership/workers.js";
import { clipScale } from "../../optim/clipping.js";
import type { Bucket } from "../../parameters/layout.js";
import type { Origin } from "./step.js";
import type { DoubleBuffer } from "./weights.js";

export interface UpdateOptions {
  step: number;
  lr: number;
  clipGradNorm: number | null;
  /** Milliseconds. */
  now(): number;
  /** A bucket of the next version (-1: the state) is final. */
  updated(bucket: number): void;
}

/**
 * Each bucket is added and updated, in one pass, the moment its gradients are there, unless the global norm is clipped,
 * which needs all of them first. A gradient that is not finite throws before anything is committed.
 */
export class StepUpdate {
  /** When buckets were added and updated. */
  readonly spans: BucketSpan[] = [];
  readonly #buffer: DoubleBuffer;
  readonly #options: UpdateOptions;
  readonly #squares: number[];
  readonly #held: (readonly number[])[] = [];
  #missing: number;

  constructor(buffer: DoubleBuffer, options: UpdateOptions) {
    this.#buffer = buffer;
    this.#options = options;
    this.#missing = buffer.memory.layout.buckets.length;
    this.#squares = new Array<number>(this.#missing).fill(0);
  }

  /** All of a bucket's gradients lie in their places, and are to be added as `additions` says. */
  complete(bucket: number, additions: readonly number[], parts: readonly Origin[]): void {
    const startMs = this.#options.now();
    const { clipGradNorm } = this.#options;
    this.#missing--;
    if (clipGradNorm === null) {
      this.#keep(bucket, this.#apply(bucket, additions, 1), parts);
      this.#options.updated(bucket);
    } else {
      this.#keep(bucket, this.#buffer.memory.sumOfSquares(bucket, additions), parts);
      this.#held[bucket] = additions;
      if (this.#missing === 0) this.#applyAll(clipScale(this.gradientNorm, clipGradNorm));
    }
    this.spans.push({ bucket, startMs, endMs: this.#options.now() });
  }

  #applyAll(scale: number): void {
    this.#held.forEach((additions, bucket) => {
      this.#apply(bucket, additions, scale);
      this.#options.updated(bucket);
    });
  }

  /** Writes the next version of a bucket; returns the sum of its gradient's squares. */
  #apply(bucket: number, additions: readonly number[], scale: number): number {
    const { step, lr } = this.#options;
    return this.#buffer.memory.update(bucket, additions, { step, lr, scale });
  }

  reducedState(state: Float32Array): void {
    this.#buffer.memory.updateState(this.#options.step, state);
    this.#options.updated(-1);
  }

  /** Before clipping; squares are added in the order of buckets. */
  get gradientNorm(): number {
    return Math.sqrt(this.#squares.reduce((sum, value) => sum + value, 0));
  }

  #keep(bucket: number, squares: number, parts: readonly Origin[]): void {
    if (!Number.isFinite(squares)) throw this.#notFinite(bucket, parts);
    this.#squares[bucket] = squares;
  }

  #notFinite(index: number, parts: readonly Origin[]): CnnDistError {
    const { memory } = this.#buffer;
    const bucket = memory.layout.buckets[index]!;
    const found = parts.map((part) => {
      const values = memory.gradient(part.range.start, bucket);
      const at = values.findIndex((value) => !Number.isFinite(value));
      return { ...part, at, value: values[at] };
    });
    // Without one, finite gradients overflowed as they were added.
    const bad = found.filter(({ at }) => at >= 0).sort((a, b) => a.at - b.at);
    const [first] = bad;
    const blamed = first ? bad.filter(({ at }) => at === first.at) : parts;
    const what = first
      ? `the gradient of ${parameterAt(bucket, first.at)} is not finite (${first.value})`
      : "the sum of the gradients is not finite";
    return new CnnDistError(
      "not-finite",
      `step ${this.#options.step}: ${what}, ${originsOf(blamed)}; the step was not applied. Lower --lr, add --lr-warmup-epochs or --clip-grad-norm, or look at the data.`,
    );
  }
}

function parameterAt(bucket: Bucket, element: number): string {
  const place = bucket.offset + element;
  return bucket.slots.find(({ offset, size }) => place >= offset && place < offset + size)?.name ?? "a parameter";
}

function originsOf(parts: readonly Origin[]): string {
  return parts
    .map(({ from, range: { start, end } }) => {
      const shards = end - start === 1 ? `shard ${start}` : `shards ${start} to ${end - 1}`;
      return `from ${shards}, ${from}`;
    })
    .join(" and ");
}
