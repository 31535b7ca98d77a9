/** Adds gradients that lie in a run's memory, along the reduction tree, by kernels: what a node sends of them. */
import type { Bucket, Layout } from "../parameters/layout.js";
import { Bank, MAX_BANK_BYTES } from "./bank.js";
import { kernelModule } from "./kernels.js";
import type { SharedFile } from "./mapping.js";
import type { Places } from "./places.js";
import { segmentsOf, stretchesOf } from "./reducer.js";

export class Adder {
  readonly #gradients: readonly number[];
  readonly #banks: readonly Bank[];

  /** `file`: allocated. */
  constructor(file: SharedFile, layout: Layout, { gradients }: Pick<Places, "gradients">) {
    this.#gradients = gradients;
    const vectors = [...new Set(gradients)];
    const module = kernelModule();
    this.#banks = stretchesOf(layout, vectors.length, MAX_BANK_BYTES).map(
      (stretch) => new Bank(module, file, vectors, stretch),
    );
  }

  /** Writes to `sum` what the program (additionsOf in src/parameters/tree.ts) makes of the gradients of a bucket. */
  add(bucket: Pick<Bucket, "offset" | "size">, program: readonly number[], sum: Float32Array): void {
    for (const segment of segmentsOf(bucket)) {
      const bank = this.#banks.find(({ stretch }) => stretch.start <= segment.start && segment.end <= stretch.end)!;
      const from = segment.start - bucket.offset;
      bank.add(program, this.#gradients, segment, sum.subarray(from, from + segment.end - segment.start));
    }
  }
}
