/** From a step's summed gradients to the next version of the weights, in the other half of the double buffer. */
import { CnnDistError } from "../../errors.js";
import { clipScale, sumOfSquares } from "../../optim/clipping.js";
import type { Optimizer } from "../../optim/optimizer.js";
import type { SummedPart } from "./step.js";
import type { DoubleBuffer } from "./weights.js";

export interface UpdateOptions {
  step: number;
  lr: number;
  clipGradNorm: number | null;
  now(): number;
  /** A bucket of the next version (-1: the state) is final. */
  updated(bucket: number): void;
}

/**
 * Each bucket is updated the moment its sum is there, unless the global norm is clipped, which needs all of them. A
 * gradient that is not finite throws before anything is committed.
 */
export class StepUpdate {
  readonly #buffer: DoubleBuffer;
  readonly #optimizer: Optimizer;
  readonly #options: UpdateOptions;
  readonly #squares: number[];
  readonly #held: Float32Array[] = [];
  #missing: number;
  #ms = 0;

  constructor(buffer: DoubleBuffer, optimizer: Optimizer, options: UpdateOptions) {
    this.#buffer = buffer;
    this.#optimizer = optimizer;
    this.#options = options;
    this.#missing = buffer.layout.buckets.length;
    this.#squares = new Array<number>(this.#missing).fill(0);
  }

  reduced(bucket: number, gradient: Float32Array, parts: readonly SummedPart[]): void {
    const start = this.#options.now();
    const squares = sumOfSquares(gradient);
    if (!Number.isFinite(squares)) throw this.#notFinite(bucket, gradient, parts);
    this.#squares[bucket] = squares;
    this.#missing--;
    if (this.#options.clipGradNorm === null) this.#apply(bucket, gradient, 1);
    else this.#held[bucket] = gradient;
    if (this.#options.clipGradNorm !== null && this.#missing === 0) {
      const scale = clipScale(this.gradientNorm, this.#options.clipGradNorm);
      this.#held.forEach((held, index) => this.#apply(index, held, scale));
    }
    this.#ms += this.#options.now() - start;
  }

  reducedState(state: Float32Array): void {
    this.#buffer.half(this.#options.step).state.set(state);
    this.#options.updated(-1);
  }

  /** Before clipping; squares are added in the order of buckets. */
  get gradientNorm(): number {
    return Math.sqrt(this.#squares.reduce((sum, value) => sum + value, 0));
  }

  get seconds(): number {
    return this.#ms / 1000;
  }

  #apply(index: number, gradients: Float32Array, scale: number): void {
    const { step, lr } = this.#options;
    const { offset, size } = this.#buffer.layout.buckets[index]!;
    this.#optimizer.apply({
      from: this.#buffer.half(step - 1),
      to: this.#buffer.half(step),
      gradients,
      gradientOffset: offset,
      start: offset,
      end: offset + size,
      lr,
      step,
      scale,
    });
    this.#options.updated(index);
  }

  #notFinite(index: number, gradient: Float32Array, parts: readonly SummedPart[]): CnnDistError {
    const bucket = this.#buffer.layout.buckets[index]!;
    const at = gradient.findIndex((value) => !Number.isFinite(value));
    const slot = bucket.slots.find(
      ({ offset, size }) => bucket.offset + at >= offset && bucket.offset + at < offset + size,
    );
    return new CnnDistError(
      "not-finite",
      `step ${this.#options.step}: the gradient of ${slot?.name ?? "a parameter"} is not finite (${gradient[at]}), ${originOf(parts, at)}; the step was not applied. Lower --lr, add --lr-warmup-epochs or --clip-grad-norm, or look at the data.`,
    );
  }
}

/**
 * Whose shards made an element not finite. A part that nothing was added onto still shows what came; one that others were
 * added onto is named only when none of those is to blame.
 */
function originOf(parts: readonly SummedPart[], at: number): string {
  const bad = parts.filter(({ values }) => !Number.isFinite(values[at]));
  const intact = bad.filter((part) => part.intact);
  return (intact.length > 0 ? intact : bad)
    .map(({ from, range: { start, end } }) => {
      const shards = end - start === 1 ? `shard ${start}` : `shards ${start} to ${end - 1}`;
      return `from ${shards}, ${from}`;
    })
    .join(" and ");
}
