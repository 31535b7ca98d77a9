/** Gradients to the next version of the weights, in one pass: what src/optim defines, by kernels, over all of a run's memory. */

import { averageShares } from "../optim/average.js";
import { SEGMENT } from "../optim/clipping.js";
import { coefficientsOf } from "../optim/coefficients.js";
import type { OptimizerConfig, Span } from "../optim/optimizer.js";
import { slotNamesOf } from "../optim/optimizers.js";
import type { Bucket, Layout } from "../parameters/layout.js";
import { Bank, bankBytes, type CoefficientRange, MAX_BANK_BYTES, RULES, type Stretch } from "./bank.js";
import { kernelModule } from "./kernels.js";
import type { SharedFile } from "./mapping.js";
import type { Places } from "./places.js";

export interface ReducerOptions {
  optimizer: OptimizerConfig;
  /** Parameters that weight decay passes over. */
  undecayed: readonly Span[];
  /** Decay of the weights' moving average; null: none is kept, and `places` has no room for one. */
  ema: number | null;
}

export class Reducer {
  readonly #config: OptimizerConfig;
  readonly #ema: number | null;
  readonly #places: Places;
  readonly #slots: readonly (readonly [number, number])[];
  readonly #ranges: readonly CoefficientRange[];
  readonly #banks: readonly Bank[];

  constructor(file: SharedFile, layout: Layout, places: Places, { optimizer: config, undecayed, ema }: ReducerOptions) {
    this.#config = config;
    this.#ema = ema;
    this.#places = places;
    this.#slots = slotNamesOf(config.name).map((name) => places.slots[name]!);
    this.#ranges = rangesOf(layout, config.weightDecay === 0 ? [] : undecayed);
    const averages = places.ema?.weights ?? [];
    const vectors = [...places.weights, ...averages, ...this.#slots.flat(), ...new Set(places.gradients)];
    const module = kernelModule();
    this.#banks = stretchesOf(layout, vectors.length, MAX_BANK_BYTES).map(
      (stretch) => new Bank(module, file, vectors, stretch),
    );
  }

  /** Of the sum that the program (additionsOf in src/parameters/tree.ts) makes of the gradients of a bucket. */
  sumOfSquares(bucket: Bucket, program: readonly number[]): number {
    return this.#each(bucket, (bank, stretch) => bank.sumOfSquares(program, this.#places.gradients, stretch));
  }

  /**
   * Adds the gradients of a bucket as the program says and writes weights, their average and slots of version `step` from
   * those of the version before. Returns the sum of squares of the summed gradient (before `scale`), which is not finite if one of its
   * elements is not.
   */
  update(
    bucket: Bucket,
    program: readonly number[],
    { step, lr, scale }: { step: number; lr: number; scale: number },
  ): number {
    const halves = ([even, odd]: readonly [number, number]) =>
      step % 2 === 0 ? { from: odd, to: even } : { from: even, to: odd };
    const coefficients = [true, false].map((decayed) => coefficientsOf(this.#config, { lr, step, scale, decayed }));
    const { ema } = this.#places;
    const average = ema && { ...halves(ema.weights), ...averageShares(this.#ema!, step) };
    return this.#each(bucket, (bank, stretch) =>
      bank.update({
        rule: RULES[this.#config.name],
        program,
        gradients: this.#places.gradients,
        stretch,
        coefficients,
        ranges: within(this.#ranges, stretch),
        weights: halves(this.#places.weights),
        slots: this.#slots.map(halves),
        average,
      }),
    );
  }

  /** Adds up over a bucket's segments, which lie in one bank each. */
  #each(bucket: Bucket, sumOf: (bank: Bank, stretch: Stretch) => number): number {
    let sum = 0;
    for (const stretch of segmentsOf(bucket)) {
      const bank = this.#banks.find(({ stretch: whole }) => whole.start <= stretch.start && stretch.end <= whole.end)!;
      sum += sumOf(bank, stretch);
    }
    return sum;
  }
}

/** A bucket's elements, filled up to a multiple of 4 (the layout leaves zeros there), in pieces of at most SEGMENT. */
export function segmentsOf({ offset, size }: Pick<Bucket, "offset" | "size">): Stretch[] {
  const end = offset + Math.ceil(size / 4) * 4;
  return Array.from({ length: Math.ceil(size / SEGMENT) }, (_, index) => ({
    start: offset + index * SEGMENT,
    end: Math.min(offset + (index + 1) * SEGMENT, end),
  }));
}

/** As many segments, in order, as one memory holds of every vector. */
export function stretchesOf(layout: Pick<Layout, "buckets">, vectors: number, maxBytes: number): Stretch[] {
  const stretches: Stretch[] = [];
  for (const segment of layout.buckets.flatMap(segmentsOf)) {
    const last = stretches.at(-1);
    if (last && bankBytes({ start: last.start, end: segment.end }, vectors) <= maxBytes) last.end = segment.end;
    else stretches.push({ ...segment });
  }
  return stretches;
}

const DECAYED = 0;
const UNDECAYED = 1;

/** The flat vector cut where weight decay begins or ends to hold. */
function rangesOf(layout: Layout, undecayed: readonly Span[]): CoefficientRange[] {
  const ranges: CoefficientRange[] = [];
  let at = 0;
  for (const { offset, size } of undecayed.toSorted((a, b) => a.offset - b.offset)) {
    if (offset > at) ranges.push({ end: offset, coefficients: DECAYED });
    ranges.push({ end: offset + size, coefficients: UNDECAYED });
    at = offset + size;
  }
  if (at < layout.size) ranges.push({ end: layout.size, coefficients: DECAYED });
  return ranges;
}

/** The ranges of a stretch, cut at its end. */
function within(ranges: readonly CoefficientRange[], { start, end }: Stretch): CoefficientRange[] {
  return ranges
    .filter((range, index) => range.end > start && (ranges[index - 1]?.end ?? 0) < end)
    .map((range) => ({ ...range, end: Math.min(range.end, end) }));
}
