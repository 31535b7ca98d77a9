/** A TensorFlow graph under construction: nodes in, inferred shapes out. Nothing here executes. */
import { CnnDistError } from "../../errors.js";
import { callSite } from "../../user-frame.js";
import { type Attribute, intAttribute, setAttribute, typeAttribute } from "./attributes.js";
import type { Output, Pointer } from "./capi.js";
import { dims, type EagerContext } from "./context.js";
import { bytesPerElement, DTYPE } from "./dtype.js";
import type { DevicePlace } from "./place.js";

export type NodeInput = Output | readonly Output[];

/** A node as it was added, without TensorFlow's pointers. */
export interface GraphNode {
  type: string;
  place: DevicePlace | null;
  /** Of earlier nodes, by their number. */
  inputs: readonly { node: number; index: number }[];
  /** Of each output; 0 where TensorFlow does not tell. */
  outputBytes: readonly number[];
}

export class Graph {
  readonly eager: EagerContext;
  readonly pointer: Pointer;
  readonly #deviceOf: (place: DevicePlace) => string | null;
  readonly #added: { oper: Pointer; type: string; place: DevicePlace | null; inputs: readonly Output[] }[] = [];
  /** Numbers of nodes by their pointers. */
  readonly #numbers = new Map<Pointer, number>();
  #place: DevicePlace | null = null;

  /** `deviceOf`: TensorFlow's name of a place's device; null: TensorFlow chooses. */
  constructor(eager: EagerContext, deviceOf: (place: DevicePlace) => string | null) {
    this.eager = eager;
    this.pointer = eager.native.tf.TF_NewGraph<Pointer>();
    this.#deviceOf = deviceOf;
  }

  get nodes(): number {
    return this.#added.length;
  }

  /** Nodes that `body` adds belong to that place. */
  at<R>(place: DevicePlace | null, body: () => R): R {
    const before = this.#place;
    this.#place = place;
    try {
      return body();
    } finally {
      this.#place = before;
    }
  }

  /** The number of the node that gives `output`. */
  numberOf(output: Output): number {
    return this.#numbers.get(output.oper)!;
  }

  placeOf(output: Output): DevicePlace | null {
    return this.#added[this.numberOf(output)]!.place;
  }

  /** For each node, by its number, the numbers of those that it reads. */
  reads(): number[][] {
    return this.#added.map(({ inputs }) => inputs.map((input) => this.numberOf(input)));
  }

  /** Whether nodes were added at devices of their own. */
  get hasDevices(): boolean {
    return this.#added.some(({ place }) => place !== null && this.#deviceOf(place) !== null);
  }

  /** Adds a node; TensorFlow checks its inputs and infers its outputs' shapes. */
  node(
    type: string,
    inputs: readonly NodeInput[],
    attributes: readonly Attribute[],
    prepare?: (node: Pointer) => void,
  ): Pointer {
    const { eager } = this;
    const { tf } = eager.native;
    const description = tf.TF_NewOperation<Pointer>(this.pointer, type, `n${this.nodes}`);
    const device = this.#place === null ? null : this.#deviceOf(this.#place);
    if (device !== null) tf.TF_SetDevice(description, device);
    for (const input of inputs) {
      if ("oper" in input) tf.TF_AddInput(description, input);
      else tf.TF_AddInputList(description, input, input.length);
    }
    for (const attribute of attributes) setAttribute(tf, description, type, attribute, null);
    prepare?.(description);
    const node = eager.check(`tracing ${type}(${this.#describe(inputs)})`, (status) =>
      tf.TF_FinishOperation<Pointer>(description, status),
    );
    this.#numbers.set(node, this.nodes);
    this.#added.push({ oper: node, type, place: this.#place, inputs: inputs.flat() as Output[] });
    return node;
  }

  /** The node of that number starts only after `before` has ended. TensorFlow does not look for circles. */
  runAfter(node: number, before: Pointer): void {
    this.eager.native.tf.TF_AddOperationControlInput(this.pointer, this.#added[node]!.oper, before);
  }

  #describe(inputs: readonly NodeInput[]): string {
    return inputs
      .flatMap((input) => ("oper" in input ? [input] : input))
      .map((input) => `[${this.shapeOf(input)?.join(",") ?? "?"}]`)
      .join(", ");
  }

  placeholder(dtype: number, shape: readonly number[] | null): Output {
    const { tf } = this.eager.native;
    const oper = this.node("Placeholder", [], [typeAttribute("dtype", dtype)], (node) => {
      if (shape) tf.TF_SetAttrShape(node, "shape", dims(shape), shape.length);
    });
    return { oper, index: 0 };
  }

  /** `tensor` is a TF_Tensor; the graph keeps a copy. */
  constantTensor(dtype: number, tensor: Pointer): Output {
    const { eager } = this;
    const oper = this.node("Const", [], [typeAttribute("dtype", dtype)], (node) =>
      eager.check("tracing a constant", (status) => eager.native.tf.TF_SetAttrTensor(node, "value", tensor, status)),
    );
    return { oper, index: 0 };
  }

  constant(dtype: number, shape: readonly number[], values: ArrayBufferView): Output {
    const tensor = this.eager.newTensor(dtype, shape, values);
    try {
      return this.constantTensor(dtype, tensor);
    } finally {
      this.eager.native.tf.TF_DeleteTensor(tensor);
    }
  }

  /** A constant all of whose elements are the same, without their bytes in the graph. */
  fill(dtype: number, shape: readonly number[], element: ArrayBufferView): Output {
    const dimensions = this.constant(DTYPE.int32, [shape.length], Int32Array.from(shape));
    const value = this.constant(dtype, [], element);
    const oper = this.node(
      "Fill",
      [dimensions, value],
      [typeAttribute("T", dtype), typeAttribute("index_type", DTYPE.int32)],
    );
    return { oper, index: 0 };
  }

  reshape(input: Output, dtype: number, shape: readonly number[]): Output {
    const target = this.constant(DTYPE.int32, [shape.length], Int32Array.from(shape));
    const oper = this.node(
      "Reshape",
      [input, target],
      [typeAttribute("T", dtype), typeAttribute("Tshape", DTYPE.int32)],
    );
    return { oper, index: 0 };
  }

  cast(input: Output, from: number, to: number): Output {
    if (from === to) return input;
    return { oper: this.node("Cast", [input], [typeAttribute("SrcT", from), typeAttribute("DstT", to)]), index: 0 };
  }

  /** One float32 vector of everything, in order. */
  concatFlat(inputs: readonly Output[]): Output {
    const flat = inputs.map((input) => this.reshape(input, DTYPE.float, [-1]));
    if (flat.length === 1) return flat[0]!;
    const axis = this.constant(DTYPE.int32, [], Int32Array.of(0));
    const attributes = [
      intAttribute("N", flat.length),
      typeAttribute("T", DTYPE.float),
      typeAttribute("Tidx", DTYPE.int32),
    ];
    return { oper: this.node("ConcatV2", [flat, axis], attributes), index: 0 };
  }

  /** Cuts a flat vector into consecutive pieces of the given shapes. */
  splitFlat(vector: Output, shapes: readonly (readonly number[])[]): Output[] {
    const sizes = shapes.map((shape) => shape.reduce((product, dim) => product * dim, 1));
    if (shapes.length === 1) return [this.reshape(vector, DTYPE.float, shapes[0]!)];
    const lengths = this.constant(DTYPE.int32, [sizes.length], Int32Array.from(sizes));
    const axis = this.constant(DTYPE.int32, [], Int32Array.of(0));
    const split = this.node(
      "SplitV",
      [vector, lengths, axis],
      [intAttribute("num_split", sizes.length), typeAttribute("T", DTYPE.float), typeAttribute("Tlen", DTYPE.int32)],
    );
    return shapes.map((shape, index) => this.reshape({ oper: split, index }, DTYPE.float, shape));
  }

  shapeOf(output: Output): number[] | null {
    const { eager } = this;
    const { tf } = eager.native;
    return eager.check("inferring a shape", (status) => {
      const rank = tf.TF_GraphGetTensorNumDims<number>(this.pointer, output, status);
      if (rank < 0) return null;
      const shape = new BigInt64Array(Math.max(rank, 1));
      tf.TF_GraphGetTensorShape(this.pointer, output, shape, rank, status);
      return Array.from(shape.subarray(0, rank), Number);
    });
  }

  /** Every node in the order in which it was added. */
  describe(): GraphNode[] {
    const { tf } = this.eager.native;
    return this.#added.map(({ oper, type, place, inputs }) => ({
      type,
      place,
      inputs: inputs.map((input) => ({ node: this.numberOf(input), index: input.index })),
      outputBytes: Array.from({ length: tf.TF_OperationNumOutputs<number>(oper) }, (_, index) =>
        this.#bytesOf({ oper, index }),
      ),
    }));
  }

  #bytesOf(output: Output): number {
    const shape = this.shapeOf(output);
    if (!shape || shape.some((dim) => dim < 0) || this.dtypeOf(output) === DTYPE.resource) return 0;
    return shape.reduce((product, dim) => product * dim, bytesPerElement(this.dtypeOf(output)));
  }

  dtypeOf(output: Output): number {
    return this.eager.native.tf.TF_OperationOutputType<number>(output);
  }

  /** Makes the graph a function of the eager context, callable as an op of that name. */
  toFunction(name: string, inputs: readonly Output[], outputs: readonly Output[], controls: readonly Pointer[]): void {
    const { eager } = this;
    const { tf } = eager.native;
    eager.check(`compiling ${name}`, (status) => {
      const func = tf.TF_GraphToFunctionWithControlOutputs<Pointer | null>(
        this.pointer,
        name,
        0,
        -1,
        null,
        inputs.length,
        inputs,
        outputs.length,
        outputs,
        null,
        controls.length,
        controls.length === 0 ? null : BigUint64Array.from(controls),
        null,
        null,
        null,
        status,
      );
      eager.assertOk(`compiling ${name}`, status);
      tf.TFE_ContextAddFunction(eager.context, func, status);
      tf.TF_DeleteFunction(func);
    });
  }

  delete(): void {
    this.eager.native.tf.TF_DeleteGraph(this.pointer);
  }
}

/** Which inputs of an op form a list: positions as tfjs-node gives them (flat) to inputs as the graph wants them. */
export function groupInputs(op: string, inputs: readonly Output[]): NodeInput[] {
  switch (op) {
    case "AddN":
    case "Pack":
    case "IdentityN":
      return [inputs];
    case "ConcatV2":
      return [inputs.slice(0, -1), inputs.at(-1)!];
    case "Einsum":
      return [inputs];
    default:
      return [...inputs];
  }
}

export function unknownShape(op: string, shape: readonly number[] | null): CnnDistError {
  return new CnnDistError(
    "dynamic-shape",
    `tracing ${op}: TensorFlow cannot tell the output's shape before it runs (${shape ? `[${shape}]` : "unknown rank"}). A traced step needs ops whose shapes follow from their inputs' shapes.${callSite()}`,
  );
}
