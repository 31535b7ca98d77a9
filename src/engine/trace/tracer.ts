/** Turns the ops of one run of a step's body into nodes of a graph, and refuses what would be frozen in wrongly. */
import { CnnDistError } from "../../errors.js";
import { callSite } from "../../user-frame.js";
import type { Attribute } from "../native/attributes.js";
import type { Binding, TensorMetadata } from "../native/binding.js";
import type { Output } from "../native/capi.js";
import { bytesPerElement, DTYPE } from "../native/dtype.js";
import { type Graph, groupInputs, unknownShape } from "../native/graph.js";
import { type Journal, lineOf, wordOf } from "./journal.js";

/** Larger host constants would make the function heavy and are nearly always data that should be an input. */
const CONSTANT_LIMIT_BYTES = 64 * 1024;

/** Outputs that only the op's own gradient reads, and whose shape TensorFlow does not tell. */
const OPAQUE: Readonly<Record<string, readonly number[]>> = { FusedBatchNormV3: [5], FusedBatchNormGradV3: [3, 4] };

interface HostConstant {
  dtype: number;
  shape: readonly number[];
  bytes: ArrayBufferView;
}

/** An output of the graph, and its word in the journal. */
interface Known {
  output: Output;
  word: string;
}

export class Tracer {
  readonly graph: Graph;
  readonly #binding: Binding;
  readonly #known = new Map<number, Known>();
  readonly #constants = new Map<number, HostConstant>();
  /** Variables that are no input of the function, by their tensor's id. */
  readonly #foreign: ReadonlyMap<number, string>;
  readonly #journal = {
    given: [] as Journal["given"][number][],
    entries: [] as Journal["entries"][number][],
    results: [] as string[],
  };

  constructor(graph: Graph, binding: Binding, foreign: ReadonlyMap<number, string>) {
    this.graph = graph;
    this.#binding = binding;
    this.#foreign = foreign;
  }

  get journal(): Journal {
    return this.#journal;
  }

  /** A tensor for an input of the function. */
  input(output: Output): TensorMetadata {
    return this.#define(output, "Placeholder", this.#give(output));
  }

  /** Declares that tensor `id`, the value of the variable `name`, stands for this output of the graph. */
  bind(id: number, output: Output, name: string): void {
    if (this.#known.has(id))
      throw new CnnDistError(
        "trace-variable",
        `variable ${name} shares its tensor with another variable, so a traced step cannot tell them apart. Give each a tensor of its own.`,
      );
    this.#known.set(id, { output, word: this.#give(output) });
  }

  #give(output: Output): string {
    const { given } = this.#journal;
    given.push({ shape: this.graph.shapeOf(output) ?? [], dtype: this.graph.dtypeOf(output) });
    return wordOf.given(given.length - 1);
  }

  /** A new id for an output of the graph. */
  #define(output: Output, op: string, word: string): TensorMetadata {
    const inferred = this.graph.shapeOf(output);
    const shape = OPAQUE[op]?.includes(output.index) ? [] : inferred;
    if (!shape || shape.some((dim) => dim < 0)) throw unknownShape(op, shape);
    const id = this.#binding.newId();
    this.#known.set(id, { output, word });
    return { id, shape, dtype: this.graph.dtypeOf(output) };
  }

  hostConstant(id: number, dtype: number, shape: readonly number[], bytes: ArrayBufferView): void {
    this.#constants.set(id, { dtype, shape: [...shape], bytes });
  }

  op(op: string, attributes: readonly Attribute[], inputs: readonly number[], outputs: number): TensorMetadata[] {
    const { entries } = this.#journal;
    const resolved = inputs.map((id) => this.#resolve(id, op));
    const line = lineOf(
      op,
      resolved.map(({ word }) => word),
      attributes,
    );
    const oper = this.graph.node(
      op,
      groupInputs(
        op,
        resolved.map(({ output }) => output),
      ),
      attributes,
    );
    const made = Array.from({ length: outputs }, (_, index) =>
      this.#define({ oper, index }, op, wordOf.output(entries.length, index)),
    );
    entries.push({ line, outputs: made.map(({ shape, dtype }) => ({ shape: [...shape], dtype })) });
    return made;
  }

  /** The graph's output for a tensor that the body gave back or assigned. */
  result(id: number, consumer: string): Output {
    const { output, word } = this.#resolve(id, consumer);
    this.#journal.results.push(word);
    return output;
  }

  /** What was made on the host, or before the trace, becomes a constant. */
  #resolve(id: number, consumer: string): Known {
    const known = this.#known.get(id);
    if (known) return known;
    const constant = this.#constants.get(id) ?? this.#captured(id, consumer);
    const { dtype, shape, bytes } = constant;
    const made = { output: this.#embed(constant, consumer), word: wordOf.constant(dtype, shape, bytes) };
    this.#known.set(id, made);
    return made;
  }

  #embed({ dtype, shape, bytes }: HostConstant, consumer: string): Output {
    const raw = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (raw.byteLength <= CONSTANT_LIMIT_BYTES) return this.graph.constant(dtype, shape, bytes);
    const width = bytesPerElement(dtype);
    if (isUniform(raw, width)) return this.graph.fill(dtype, shape, raw.slice(0, width));
    throw tooLarge(consumer, shape, raw.byteLength);
  }

  #captured(id: number, consumer: string): HostConstant {
    const handle = this.#binding.handle(id);
    if (!handle)
      throw new CnnDistError(
        "disposed",
        `tracing ${consumer}: an input tensor was disposed or belongs to another trace${callSite()}`,
      );
    const variable = this.#foreign.get(id);
    if (variable !== undefined)
      throw new CnnDistError(
        "trace-variable",
        `tracing ${consumer}: variable ${variable} is none of the traced function's, so its value would be frozen into the step. Make it a weight of its layer, or a constant.${callSite()}`,
      );
    const sizeBytes = handle.shape.reduce((product, dim) => product * dim, bytesPerElement(handle.dtype));
    if (handle.dtype !== DTYPE.string && sizeBytes <= CONSTANT_LIMIT_BYTES) {
      return {
        dtype: handle.dtype,
        shape: handle.shape,
        bytes: new Uint8Array(this.#binding.eager.bytes(handle)),
      };
    }
    throw tooLarge(consumer, handle.shape, sizeBytes);
  }
}

function tooLarge(consumer: string, shape: readonly number[], sizeBytes: number): CnnDistError {
  return new CnnDistError(
    "trace-constant",
    `tracing ${consumer}: a tensor of shape [${shape}] (${sizeBytes} bytes) would be frozen into the step as a constant; the limit is ${CONSTANT_LIMIT_BYTES} bytes. Make it an input or a variable of the traced function.${callSite()}`,
  );
}

function isUniform(raw: Uint8Array, width: number): boolean {
  for (let index = width; index < raw.byteLength; index++) if (raw[index] !== raw[index - width]) return false;
  return true;
}
