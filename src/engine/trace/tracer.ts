/** Turns the ops of one run of a step's body into nodes of a graph, and refuses what would be frozen in wrongly. */
import { CnnDistError } from "../../errors.js";
import { callSite } from "../../user-frame.js";
import type { Attribute } from "../native/attributes.js";
import type { Binding, TensorMetadata } from "../native/binding.js";
import type { Output, Pointer } from "../native/capi.js";
import { bytesPerElement, DTYPE } from "../native/dtype.js";
import { type Graph, groupInputs, unknownShape } from "../native/graph.js";
import type { DevicePlace } from "../native/place.js";
import { INSTEAD_OF_HOST_VALUES, type Journal, lineOf, wordOf } from "./journal.js";
import type { MarkKind, Marks } from "./marks.js";

/** Larger host constants would make the function heavy and are nearly always data that should be an input. */
const CONSTANT_LIMIT_BYTES = 64 * 1024;

/** Outputs that only the op's own gradient reads, and whose shape TensorFlow does not tell. */
const OPAQUE: Readonly<Record<string, readonly number[]>> = { FusedBatchNormV3: [5], FusedBatchNormGradV3: [3, 4] };

interface HostConstant {
  dtype: number;
  shape: readonly number[];
  bytes: ArrayBufferView;
}

/** What stands for a tensor in the graph, and its word in the journal. */
interface Known {
  /** For a consumer at that place: what is cheap to make is made where it is used, and need not travel. */
  outputAt(place: DevicePlace | null): Output;
  /** Null: everywhere, or where TensorFlow likes. */
  place: DevicePlace | null;
  word: string;
}

export class Tracer {
  readonly graph: Graph;
  readonly #binding: Binding;
  readonly #known = new Map<number, Known>();
  readonly #constants = new Map<number, HostConstant>();
  /** Variables that are no input of the function, by their tensor's id. */
  readonly #foreign: ReadonlyMap<number, string>;
  readonly #marks: Marks | null;
  readonly #journal = {
    given: [] as Journal["given"][number][],
    entries: [] as Journal["entries"][number][],
    results: [] as string[],
  };

  /** `marks`: null where nobody asks when devices work. */
  constructor(graph: Graph, binding: Binding, foreign: ReadonlyMap<number, string>, marks: Marks | null) {
    this.graph = graph;
    this.#binding = binding;
    this.#foreign = foreign;
    this.#marks = marks;
  }

  get journal(): Journal {
    return this.#journal;
  }

  /** A tensor for an input of the function, which the body sees as `dtype`. */
  input(placeholder: Output, dtype: number): TensorMetadata {
    const { graph } = this;
    const [given, shape] = [graph.dtypeOf(placeholder), graph.shapeOf(placeholder) ?? []];
    const outputAt = given === dtype ? () => placeholder : this.#madeAt(() => graph.cast(placeholder, given, dtype));
    const id = this.#binding.newId();
    this.#known.set(id, { outputAt, place: null, word: this.#give(shape, dtype) });
    return { id, shape, dtype };
  }

  /** Declares that tensor `id`, the value of the variable `name`, stands for this output of the graph. */
  bind(id: number, output: Output, name: string): void {
    if (this.#known.has(id))
      throw new CnnDistError(
        "trace-variable",
        `variable ${name} shares its tensor with another variable, so a traced step cannot tell them apart. Give each a tensor of its own.`,
      );
    const word = this.#give(this.graph.shapeOf(output) ?? [], this.graph.dtypeOf(output));
    this.#known.set(id, { outputAt: () => output, place: this.graph.placeOf(output), word });
  }

  #give(shape: number[], dtype: number): string {
    const { given } = this.#journal;
    given.push({ shape, dtype });
    return wordOf.given(given.length - 1);
  }

  /** Makes it once for each place that asks. */
  #madeAt(make: () => Output): Known["outputAt"] {
    const made = new Map<DevicePlace | null, Output>();
    return (place) => {
      const output = made.get(place) ?? this.graph.at(place, make);
      made.set(place, output);
      return output;
    };
  }

  /** A new id for an output of the graph. */
  #define(output: Output, op: string, word: string, outputAt: Known["outputAt"]): TensorMetadata {
    const inferred = this.graph.shapeOf(output);
    const shape = OPAQUE[op]?.includes(output.index) ? [] : inferred;
    if (!shape || shape.some((dim) => dim < 0)) throw unknownShape(op, shape);
    const id = this.#binding.newId();
    this.#known.set(id, { outputAt, place: this.graph.placeOf(output), word });
    return { id, shape, dtype: this.graph.dtypeOf(output) };
  }

  hostConstant(id: number, dtype: number, shape: readonly number[], bytes: ArrayBufferView): void {
    this.#constants.set(id, { dtype, shape: [...shape], bytes });
  }

  op(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    outputs: number,
    asked: DevicePlace | null,
  ): TensorMetadata[] {
    const { entries } = this.#journal;
    const resolved = inputs.map((id) => this.#resolve(id, op));
    const line = lineOf(
      op,
      resolved.map(({ word }) => word),
      attributes,
      asked,
    );
    const place = asked ?? this.#deviceOf(resolved);
    const nodeAt = (where: DevicePlace | null) => {
      const given = resolved.map(({ outputAt }) => outputAt(where));
      return this.graph.at(where, () => this.graph.node(op, groupInputs(op, given), attributes));
    };
    const oper = nodeAt(place);
    const remade = new Map<DevicePlace, Pointer>();
    // What nobody placed, such as the scaling of the images, is computed on each device that reads it.
    const operAt = (reader: DevicePlace | null) => {
      if (place !== null || typeof reader !== "number") return oper;
      const there = remade.get(reader) ?? nodeAt(reader);
      remade.set(reader, there);
      return there;
    };
    const made = Array.from({ length: outputs }, (_, index) =>
      this.#define({ oper, index }, op, wordOf.output(entries.length, index), (reader) => ({
        oper: operAt(reader),
        index,
      })),
    );
    entries.push({ line, outputs: made.map(({ shape, dtype }) => ({ shape: [...shape], dtype })) });
    return made;
  }

  mark(id: number, device: number, kind: MarkKind): void {
    this.#marks?.add(this.#resolve(id, "a mark").outputAt(device), device, kind);
  }

  /** Where nobody says: with the first input that lies on a device, so that gradients stay where their tensors are. */
  #deviceOf(inputs: readonly Known[]): DevicePlace | null {
    return inputs.find(({ place }) => typeof place === "number")?.place ?? null;
  }

  /** The graph's output for a tensor that the body gave back or assigned. */
  result(id: number, consumer: string, place: DevicePlace | null): Output {
    const { outputAt, word } = this.#resolve(id, consumer);
    this.#journal.results.push(word);
    return outputAt(place);
  }

  /** What was made on the host, or before the trace, becomes a constant. */
  #resolve(id: number, consumer: string): Known {
    const known = this.#known.get(id);
    if (known) return known;
    const constant = this.#constants.get(id) ?? this.#captured(id, consumer);
    const { dtype, shape, bytes } = constant;
    assertSmall(constant, consumer);
    const made: Known = {
      place: null,
      outputAt: this.#madeAt(() => this.#embed(constant)),
      word: wordOf.constant(dtype, shape, bytes),
    };
    this.#known.set(id, made);
    return made;
  }

  #embed({ dtype, shape, bytes }: HostConstant): Output {
    if (bytes.byteLength <= CONSTANT_LIMIT_BYTES) return this.graph.constant(dtype, shape, bytes);
    return this.graph.fill(dtype, shape, rawOf(bytes).slice(0, bytesPerElement(dtype)));
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

/** A large constant must at least be one that `Fill` makes. */
function assertSmall({ dtype, shape, bytes }: HostConstant, consumer: string): void {
  if (bytes.byteLength <= CONSTANT_LIMIT_BYTES || isUniform(rawOf(bytes), bytesPerElement(dtype))) return;
  throw tooLarge(consumer, shape, bytes.byteLength);
}

function rawOf(bytes: ArrayBufferView): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function tooLarge(consumer: string, shape: readonly number[], sizeBytes: number): CnnDistError {
  return new CnnDistError(
    "trace-constant",
    `tracing ${consumer}: the values of a tensor of shape [${shape}] (${sizeBytes} bytes) were made on the host, where tf.dropout and tf.randomNormal make theirs, and would be frozen into the step: the same noise in every step. ${INSTEAD_OF_HOST_VALUES} Constants of up to ${CONSTANT_LIMIT_BYTES} bytes may be made anywhere.${callSite()}`,
  );
}

function isUniform(raw: Uint8Array, width: number): boolean {
  for (let index = width; index < raw.byteLength; index++) if (raw[index] !== raw[index - width]) return false;
  return true;
}
