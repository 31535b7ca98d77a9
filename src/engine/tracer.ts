/** Turns the ops of one run of a step's body into nodes of a graph, and refuses what would be frozen in wrongly. */
import { createHash } from "node:crypto";
import { CnnDistError } from "../errors.js";
import type { Attribute } from "./attributes.js";
import { type Binding, callSite, type TensorMetadata } from "./binding.js";
import type { Output } from "./capi.js";
import { bytesPerElement, DTYPE } from "./dtype.js";
import { type Graph, groupInputs, unknownShape } from "./graph.js";

/** Larger host constants would make the function heavy and are nearly always data that should be an input. */
const CONSTANT_LIMIT_BYTES = 64 * 1024;

/** Outputs that only the op's own gradient reads, and whose shape TensorFlow does not tell. */
const OPAQUE: Readonly<Record<string, readonly number[]>> = { FusedBatchNormV3: [5], FusedBatchNormGradV3: [3, 4] };

interface HostConstant {
  dtype: number;
  shape: readonly number[];
  bytes: ArrayBufferView;
}

export class Tracer {
  readonly graph: Graph;
  readonly #binding: Binding;
  readonly #outputs = new Map<number, Output>();
  readonly #constants = new Map<number, HostConstant>();
  /** Variables that are no input of the function, by their tensor's id. */
  readonly #foreign: ReadonlyMap<number, string>;
  /** One line a node and a constant, to compare two traces of the same body. */
  readonly journal: string[] = [];

  constructor(graph: Graph, binding: Binding, foreign: ReadonlyMap<number, string>) {
    this.graph = graph;
    this.#binding = binding;
    this.#foreign = foreign;
  }

  /** Declares that tensor `id`, the value of the variable `name`, stands for this output of the graph. */
  bind(id: number, output: Output, name: string): void {
    if (this.#outputs.has(id))
      throw new CnnDistError(
        "trace-variable",
        `variable ${name} shares its tensor with another variable, so a traced step cannot tell them apart. Give each a tensor of its own.`,
      );
    this.#outputs.set(id, output);
  }

  /** A new id for an output of the graph. */
  define(output: Output, op: string): TensorMetadata {
    const inferred = this.graph.shapeOf(output);
    const shape = OPAQUE[op]?.includes(output.index) ? [] : inferred;
    if (!shape || shape.some((dim) => dim < 0)) throw unknownShape(op, shape);
    const id = this.#binding.newId();
    this.#outputs.set(id, output);
    return { id, shape, dtype: this.graph.dtypeOf(output) };
  }

  hostConstant(id: number, dtype: number, shape: readonly number[], bytes: ArrayBufferView): void {
    this.#constants.set(id, { dtype, shape: [...shape], bytes });
  }

  op(op: string, attributes: readonly Attribute[], inputs: readonly number[], outputs: number): TensorMetadata[] {
    const resolved = inputs.map((id) => this.resolve(id, op));
    const oper = this.graph.node(op, groupInputs(op, resolved), attributes);
    const names = resolved.map((output) => this.graph.nameOf(output));
    this.journal.push(`${op}(${names.join(", ")})${JSON.stringify(attributes)}`);
    return Array.from({ length: outputs }, (_, index) => this.define({ oper, index }, op));
  }

  /** The graph's output for a tensor; what was made on the host, or before the trace, becomes a constant. */
  resolve(id: number, consumer: string): Output {
    const known = this.#outputs.get(id);
    if (known) return known;
    const constant = this.#constants.get(id);
    const output = constant ? this.#embed(constant, consumer) : this.#capture(id, consumer);
    this.#outputs.set(id, output);
    return output;
  }

  #embed({ dtype, shape, bytes }: HostConstant, consumer: string): Output {
    const raw = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.journal.push(`constant [${shape}] ${createHash("sha256").update(raw).digest("hex")} for ${consumer}`);
    if (raw.byteLength <= CONSTANT_LIMIT_BYTES) return this.graph.constant(dtype, shape, bytes);
    const width = bytesPerElement(dtype);
    if (isUniform(raw, width)) return this.graph.fill(dtype, shape, raw.slice(0, width));
    throw tooLarge(consumer, shape, raw.byteLength);
  }

  #capture(id: number, consumer: string): Output {
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
      return this.#embed(
        { dtype: handle.dtype, shape: handle.shape, bytes: new Uint8Array(this.#binding.session.bytes(handle)) },
        consumer,
      );
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

/** Throws if two traces of one body differ: then a value that the host drew anew was frozen in. */
export function assertSameJournal(name: string, first: readonly string[], second: readonly string[]): void {
  const length = Math.max(first.length, second.length);
  for (let index = 0; index < length; index++) {
    const a = first[index];
    const b = second[index];
    if (a === b) continue;
    throw new CnnDistError(
      "trace-differs",
      `tracing ${name}: two traces of the same body differ, at "${a ?? "(nothing)"}" against "${b ?? "(nothing)"}". A value drawn on the host (Math.random, a clock, a random tensor) would be the same in every step. Draw it with the step's seed input, or make it an input.`,
    );
  }
}

function isUniform(raw: Uint8Array, width: number): boolean {
  for (let index = width; index < raw.byteLength; index++) if (raw[index] !== raw[index - width]) return false;
  return true;
}
