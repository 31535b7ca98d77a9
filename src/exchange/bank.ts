/** One WebAssembly memory with the kernels over it: a stretch of each of a run's vectors, laid over its pages. */
import { CnnDistError, messageOf } from "../errors.js";
import { bytes } from "../format.js";
import type { AverageShares } from "../optim/average.js";
import type { Coefficients } from "../optim/coefficients.js";
import { instantiate, type KernelExports } from "./kernels.js";
import { PAGE_BYTES, type SharedFile } from "./mapping.js";

/** Numbers of the rules in kernels/index.ts. */
export const RULES = { sgd: 0, momentum: 1, nesterov: 2, adam: 3, adamw: 3, rmsprop: 4 } as const;

/** What JavaScript writes for the kernels lies in front of the vectors; all in bytes. The module's own data come first. */
const HEAD = {
  program: 0x1_0000,
  parts: 0x1_8000,
  coefficients: 0x1_c000,
  ranges: 0x2_0000,
  scratch: 0xc_0000,
  sum: 0xe_0000,
  end: 0x10_0000,
};
/** A sum leaves through so much of the kernels' memory at a time, which stays in the cache. */
const SUM_BYTES = HEAD.end - HEAD.sum;
const WASM_PAGE_BYTES = 65_536;
/** WebAssembly addresses 4 GiB; the last page stays unused, so that every size fits 32 bits. */
export const MAX_BANK_BYTES = 2 ** 32 - WASM_PAGE_BYTES;

/** Elements `start` to `end` of each flat vector. */
export interface Stretch {
  start: number;
  end: number;
}

/** Bytes of a bank for that stretch of `vectors` vectors. */
export function bankBytes({ start, end }: Stretch, vectors: number): number {
  return HEAD.end + vectors * pieceOf({ start, end }).bytes;
}

/** The whole pages that hold a stretch and what a kernel may write beyond it. */
function pieceOf({ start, end }: Stretch): { from: number; bytes: number } {
  const from = Math.floor((start * 4) / PAGE_BYTES) * PAGE_BYTES;
  return { from, bytes: Math.ceil((end * 4 + 64 - from) / PAGE_BYTES) * PAGE_BYTES };
}

/** Elements up to `end` (from the start of the vector) with the coefficients of that index. */
export interface CoefficientRange {
  end: number;
  coefficients: number;
}

export class Bank {
  readonly stretch: Stretch;
  readonly #kernels: KernelExports;
  readonly #buffer: SharedArrayBuffer;
  /** Address of the piece of each vector, by its offset in the file. */
  readonly #pieces = new Map<number, number>();
  readonly #from: number;

  constructor(module: WebAssembly.Module, file: SharedFile, vectors: readonly number[], stretch: Stretch) {
    this.stretch = stretch;
    const piece = pieceOf(stretch);
    this.#from = piece.from;
    const pages = Math.ceil(bankBytes(stretch, vectors.length) / WASM_PAGE_BYTES);
    const memory = memoryOf(pages);
    this.#kernels = instantiate(module, memory);
    this.#buffer = memory.buffer;
    let at = HEAD.end;
    for (const offset of vectors) {
      file.layOver(new Uint8Array(this.#buffer, at, piece.bytes), offset + piece.from);
      this.#pieces.set(offset, at);
      at += piece.bytes;
    }
  }

  #address(vector: number, element: number): number {
    return this.#pieces.get(vector)! + element * 4 - this.#from;
  }

  /** Writes what to add: the tree's program, and the addresses of the gradients that it names. */
  #prepare(program: readonly number[], gradients: readonly number[], element: number): void {
    new Int32Array(this.#buffer, HEAD.program, program.length).set(program);
    new Uint32Array(this.#buffer, HEAD.parts, gradients.length).set(
      gradients.map((each) => this.#address(each, element)),
    );
  }

  /** Writes the sum of the gradients over the stretch's elements `start` to `end` to `sum`, which may be up to three elements shorter. */
  add(program: readonly number[], gradients: readonly number[], { start, end }: Stretch, sum: Float32Array): void {
    for (let at = start; at < end; at += SUM_BYTES / 4) {
      const elements = Math.min(SUM_BYTES / 4, end - at);
      this.#prepare(program, gradients, at);
      this.#kernels.add(HEAD.program, program.length, HEAD.parts, HEAD.scratch, elements * 4, HEAD.sum);
      const taken = Math.min(elements, sum.length - (at - start));
      sum.set(new Float32Array(this.#buffer, HEAD.sum, taken), at - start);
    }
  }

  /** Of the sum of the gradients over the stretch's elements `start` to `end`; both are multiples of 4. */
  sumOfSquares(program: readonly number[], gradients: readonly number[], { start, end }: Stretch): number {
    this.#prepare(program, gradients, start);
    return this.#kernels.sumOfSquares(HEAD.program, program.length, HEAD.parts, HEAD.scratch, (end - start) * 4);
  }

  /** Adds the gradients, updates elements `start` to `end` and averages the new weights; returns the sum of the sum's squares. */
  update(options: {
    rule: number;
    program: readonly number[];
    gradients: readonly number[];
    stretch: Stretch;
    coefficients: readonly Coefficients[];
    ranges: readonly CoefficientRange[];
    weights: { from: number; to: number };
    slots: readonly { from: number; to: number }[];
    average: ({ from: number; to: number } & AverageShares) | null;
  }): number {
    const { start, end } = options.stretch;
    this.#prepare(options.program, options.gradients, start);
    options.coefficients.forEach((set, index) =>
      new Float32Array(this.#buffer, HEAD.coefficients + index * COEFFICIENTS_BYTES, COEFFICIENTS.length).set(
        COEFFICIENTS.map((name) => set[name]),
      ),
    );
    const ranges = new Uint32Array(this.#buffer, HEAD.ranges, options.ranges.length * 2);
    options.ranges.forEach(({ end: until, coefficients }, index) => {
      ranges[2 * index] = (until - start) * 4;
      ranges[2 * index + 1] = HEAD.coefficients + coefficients * COEFFICIENTS_BYTES;
    });
    const at = (vector: number | undefined) => (vector === undefined ? 0 : this.#address(vector, start));
    const [first, second] = options.slots;
    return this.#kernels.update(
      options.rule,
      HEAD.program,
      options.program.length,
      HEAD.parts,
      HEAD.scratch,
      (end - start) * 4,
      HEAD.ranges,
      at(options.weights.from),
      at(options.weights.to),
      at(first?.from),
      at(first?.to),
      at(second?.from),
      at(second?.to),
      at(options.average?.from),
      at(options.average?.to),
      options.average?.keep ?? 0,
      options.average?.take ?? 0,
    );
  }
}

/** In the order in which kernels/rules.ts reads them. */
const COEFFICIENTS = [
  "lr",
  "decay",
  "scale",
  "mu",
  "keep1",
  "take1",
  "keep2",
  "take2",
  "epsilon",
  "correction",
  "keepWeight",
] as const satisfies readonly (keyof Coefficients)[];
const COEFFICIENTS_BYTES = 64;

/** CnnDistError `shared-memory`. */
function memoryOf(pages: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (error) {
    throw new CnnDistError(
      "shared-memory",
      `${bytes(pages * WASM_PAGE_BYTES)} for weights and gradients cannot be had: ${messageOf(error)}. A limit on the memory that a process may map ('ulimit -v') has to leave room for it.`,
      { cause: error },
    );
  }
}
