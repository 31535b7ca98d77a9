/**
 * What a step's body did while it was traced. A second run of the same body is held against it, without a graph: where
 * they part, a value that the host drew anew (Math.random, a clock) was about to be frozen into the function.
 */
import { createHash } from "node:crypto";
import { CnnDistError } from "../../errors.js";
import { callSite } from "../../user-frame.js";
import type { Attribute } from "../native/attributes.js";
import type { TensorMetadata } from "../native/binding.js";
import type { DevicePlace } from "../native/place.js";

/** What the author of a model is to do where values of the host would be frozen into the step. */
export const INSTEAD_OF_HOST_VALUES =
  "For dropout use tf.layers.dropout; make values that are to stay the same a weight of the layer that is not trainable.";

interface Entry {
  /** The op, what its inputs are, its attributes. */
  line: string;
  outputs: readonly Omit<TensorMetadata, "id">[];
}

/** The inputs and variables of the function, then its ops, then what comes out, each by a word that does not depend on ids. */
export interface Journal {
  given: readonly Omit<TensorMetadata, "id">[];
  entries: readonly Entry[];
  results: readonly string[];
}

export function lineOf(
  op: string,
  inputs: readonly string[],
  attributes: readonly Attribute[],
  place: DevicePlace | null = null,
): string {
  return `${op}${place === null ? "" : `@${place}`}(${inputs.join(", ")})${JSON.stringify(attributes)}`;
}

export const wordOf = {
  given: (index: number) => `given ${index}`,
  output: (entry: number, index: number) => `${entry}:${index}`,
  constant: (dtype: number, shape: readonly number[], bytes: ArrayBufferView) =>
    `constant ${dtype} [${shape}] ${createHash("sha256")
      .update(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
      .digest("hex")}`,
};

/** Takes the ops of the second run in place of a Tracer. Throws `trace-differs` at the op where it parts from the first. */
export class Replay {
  readonly #name: string;
  readonly #journal: Journal;
  readonly #newId: () => number;
  /** The word of what was made before the trace. */
  readonly #captured: (id: number) => string;
  readonly #words = new Map<number, string>();
  #at = 0;

  constructor(name: string, journal: Journal, newId: () => number, captured: (id: number) => string) {
    this.#name = name;
    this.#journal = journal;
    this.#newId = newId;
    this.#captured = captured;
  }

  /** The function's inputs as tensors; `variables`: ids of the variables' tensors, which come after them. */
  begin(inputs: number, variables: readonly number[]): TensorMetadata[] {
    variables.forEach((id, index) => {
      this.#words.set(id, wordOf.given(inputs + index));
    });
    return this.#journal.given
      .slice(0, inputs)
      .map(({ shape, dtype }, index) => this.#define(wordOf.given(index), shape, dtype));
  }

  hostConstant(id: number, dtype: number, shape: readonly number[], bytes: ArrayBufferView): void {
    this.#words.set(id, wordOf.constant(dtype, shape, bytes));
  }

  op(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    _outputs: number,
    place: DevicePlace | null = null,
  ): TensorMetadata[] {
    const number = this.#at++;
    const expected = this.#journal.entries[number];
    const words = inputs.map((id) => this.#word(id));
    const line = lineOf(op, words, attributes, place);
    if (line !== expected?.line) throw this.#differs(expected?.line, line);
    return expected.outputs.map(({ shape, dtype }, index) => this.#define(wordOf.output(number, index), shape, dtype));
  }

  /** What is marked changes nothing. */
  mark(): void {}

  /** The body has ended: `results` are the ids of what it gave back and assigned. */
  end(results: readonly number[]): void {
    const { entries } = this.#journal;
    if (this.#at < entries.length) throw this.#differs(entries[this.#at]!.line, undefined);
    const given = results.map((id) => this.#word(id));
    const parted = given.findIndex((word, index) => word !== this.#journal.results[index]);
    if (parted >= 0) throw this.#differs(this.#journal.results[parted], given[parted]);
  }

  #word(id: number): string {
    const known = this.#words.get(id) ?? this.#captured(id);
    this.#words.set(id, known);
    return known;
  }

  #define(word: string, shape: readonly number[], dtype: number): TensorMetadata {
    const id = this.#newId();
    this.#words.set(id, word);
    return { id, shape: [...shape], dtype };
  }

  #differs(first: string | undefined, second: string | undefined): CnnDistError {
    const pair = `"${first ?? "(nothing)"}" against "${second ?? "(nothing)"}"`;
    return new CnnDistError(
      "trace-differs",
      `tracing ${this.#name}: two runs of the same body differ, at ${pair}. ` +
        "A value drawn on the host (tf.dropout, tf.randomNormal, Math.random, a clock) would be the same in every step. " +
        `${INSTEAD_OF_HOST_VALUES}${callSite()}`,
    );
  }
}
