/** Gradients to the next version of the weights, in one pass: what src/optim defines, by kernels, over all of a run's memory. */
import type { Coefficients } from "../optim/coefficients.js";
import type { OptimizerName } from "../optim/optimizer.js";
import { SEGMENT } from "../optim/schedule.js";
import type { Bucket, Layout } from "../parameters/layout.js";
import { Bank, bankBytes, type DecayRange, MAX_BANK_BYTES, RULES, type Stretch } from "./bank.js";
import { kernelModule } from "./kernels.js";
import type { SharedFile } from "./mapping.js";
import type { Places } from "./places.js";

export class Reducer {
  readonly #rule: number;
  readonly #places: Places;
  readonly #slots: readonly (readonly [number, number])[];
  readonly #banks: readonly Bank[];

  constructor(
    file: SharedFile,
    layout: Layout,
    places: Places,
    optimizer: OptimizerName,
    slotNames: readonly string[],
  ) {
    this.#rule = RULES[optimizer];
    this.#places = places;
    this.#slots = slotNames.map((name) => places.slots[name]!);
    const vectors = [...places.weights, ...this.#slots.flat(), ...places.gradients];
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
   * Adds the gradients of a bucket as the program says and writes weights and slots of `version` from those of the version
   * before. `coefficients` are those of the step; `ranges` says which of them holds up to which element of the flat
   * vector. Returns the sum of squares of the summed gradient, which is not finite if one of its elements is not.
   */
  update(
    bucket: Bucket,
    program: readonly number[],
    version: number,
    coefficients: readonly Coefficients[],
    ranges: readonly DecayRange[],
  ): number {
    const halves = ([even, odd]: readonly [number, number]) =>
      version % 2 === 0 ? { from: odd, to: even } : { from: even, to: odd };
    return this.#each(bucket, (bank, stretch) =>
      bank.update({
        rule: this.#rule,
        program,
        gradients: this.#places.gradients,
        stretch,
        coefficients,
        ranges: within(ranges, stretch),
        weights: halves(this.#places.weights),
        slots: this.#slots.map(halves),
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

/** The ranges of a stretch, cut at its ends. */
function within(ranges: readonly DecayRange[], { start, end }: Stretch): DecayRange[] {
  return ranges
    .filter((range, index) => range.end > start && (ranges[index - 1]?.end ?? 0) < end)
    .map((range) => ({ ...range, end: Math.min(range.end, end) }));
}
