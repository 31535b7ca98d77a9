/**
 * tfjs-node's `TFJSBinding` over TensorFlow's C API. Outside of a trace every op runs at once; while a Tracer is set,
 * ops become nodes of its graph and nothing runs.
 */
import { CnnDistError } from "../../errors.js";
import { callSite } from "../../user-frame.js";
import { ATTR, type Attribute, setAttribute } from "./attributes.js";
import type { Precision } from "./config-proto.js";
import type { EagerContext, Handle } from "./context.js";
import { DTYPE } from "./dtype.js";
import type { DevicePlace } from "./place.js";

export interface TensorMetadata {
  id: number;
  shape: number[];
  dtype: number;
}
/** Takes the ops of a body that is traced: a Tracer, or the Replay of its journal. */
interface TraceTarget {
  hostConstant(id: number, dtype: number, shape: readonly number[], bytes: ArrayBufferView): void;
  /** `place`: where the body wants the op; null: it does not say. */
  op(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    outputs: number,
    place: DevicePlace | null,
  ): TensorMetadata[];
  mark(id: number, device: number, kind: "begins" | "ends"): void;
}
type HostValues = Float32Array | Int32Array | Uint8Array | readonly unknown[];

export class Binding {
  readonly TF_FLOAT = DTYPE.float;
  readonly TF_INT32 = DTYPE.int32;
  readonly TF_INT64 = DTYPE.int64;
  readonly TF_BOOL = DTYPE.bool;
  readonly TF_COMPLEX64 = DTYPE.complex64;
  readonly TF_STRING = DTYPE.string;
  readonly TF_RESOURCE = DTYPE.resource;
  readonly TF_UINT8 = DTYPE.uint8;
  readonly TF_ATTR_STRING = ATTR.string;
  readonly TF_ATTR_INT = ATTR.int;
  readonly TF_ATTR_FLOAT = ATTR.float;
  readonly TF_ATTR_BOOL = ATTR.bool;
  readonly TF_ATTR_TYPE = ATTR.type;
  readonly TF_ATTR_SHAPE = ATTR.shape;
  readonly TF_ATTR_RESOURCE = ATTR.resource;
  readonly TF_Version: string;

  readonly eager: EagerContext;
  readonly #handles = new Map<number, Handle>();
  readonly #gpu: boolean;
  #next = 1;
  #tracer: TraceTarget | null = null;
  #place: DevicePlace | null = null;
  #precision: Precision = "fp32";

  constructor(eager: EagerContext, gpu: boolean) {
    this.eager = eager;
    this.TF_Version = eager.version;
    this.#gpu = gpu;
  }

  isUsingGpuDevice(): boolean {
    return this.#gpu;
  }

  getNumOfTensors(): number {
    return this.#handles.size;
  }

  getNumOfSavedModels(): number {
    return 0;
  }

  /** Ids are never used twice, in traces and outside of them alike. */
  newId(): number {
    return this.#next++;
  }

  handle(id: number): Handle | undefined {
    return this.#handles.get(id);
  }

  /** Of what is traced just now; ops outside of a trace run in fp32. */
  get precision(): Precision {
    return this.#precision;
  }

  /** Runs `body` with every op going to the tracer. `precision`: what the function will be computed in. */
  trace<R>(tracer: TraceTarget, precision: Precision, body: () => R): R {
    if (this.#tracer)
      throw new CnnDistError("trace", "a trace was started inside of another; trace one function at a time");
    this.#tracer = tracer;
    this.#precision = precision;
    try {
      return body();
    } finally {
      this.#tracer = null;
      this.#precision = "fp32";
    }
  }

  /** Ops that `body` traces run there. Outside of a trace TensorFlow chooses, and this has no effect. */
  at<R>(place: DevicePlace, body: () => R): R {
    const before = this.#place;
    this.#place = place;
    try {
      return body();
    } finally {
      this.#place = before;
    }
  }

  /** In a trace: the moment in which the device has that tensor is told with each call (src/engine/trace/marks.ts). */
  mark(id: number, device: number, kind: "begins" | "ends"): void {
    this.#tracer?.mark(id, device, kind);
  }

  createTensor(shape: readonly number[], dtype: number, values: HostValues): number {
    const id = this.newId();
    if (dtype === DTYPE.string) {
      const strings = Array.from(values as readonly unknown[], (value) =>
        typeof value === "string" ? new TextEncoder().encode(value) : (value as Uint8Array),
      );
      this.#handles.set(id, this.eager.uploadStrings(shape, strings));
      return id;
    }
    const bytes = hostBytes(dtype, values);
    // tfjs uploads a tensor when an op first uses it, so a tensor met here in a trace may be used after it too.
    this.#tracer?.hostConstant(id, dtype, shape, bytes);
    this.#handles.set(id, this.eager.upload(dtype, shape, bytes));
    return id;
  }

  deleteTensor(id: number): void {
    const handle = this.#handles.get(id);
    if (!handle) return; // a node of a trace: it goes with the graph
    this.#handles.delete(id);
    this.eager.release(handle);
  }

  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array | Uint8Array[] {
    const handle = this.#handles.get(id);
    if (this.#tracer || !handle)
      throw new CnnDistError(
        "trace-read",
        `a tensor's value was read while tracing, when nothing has a value yet. Read it outside of the step, or compute with it by ops.${callSite()}`,
      );
    if (handle.dtype === DTYPE.string) return this.eager.strings(handle);
    const bytes = this.eager.bytes(handle);
    switch (handle.dtype) {
      case DTYPE.float:
        return new Float32Array(bytes);
      case DTYPE.int32:
        return new Int32Array(bytes);
      case DTYPE.int64:
        return Int32Array.from(new BigInt64Array(bytes), Number);
      case DTYPE.complex64:
        return new Float32Array(bytes);
      default:
        return new Uint8Array(bytes);
    }
  }

  executeOp(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    outputs: number,
  ): TensorMetadata[] {
    if (this.#tracer) return this.#tracer.op(op, attributes, inputs, outputs, this.#place);
    return this.#executeEagerly(op, attributes, inputs, outputs);
  }

  #executeEagerly(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    outputs: number,
  ): TensorMetadata[] {
    const { eager } = this;
    const { tf } = eager.native;
    const handles = inputs.map((id) => {
      const handle = this.#handles.get(id);
      if (!handle)
        throw new CnnDistError("disposed", `op ${name}: an input tensor was disposed, or belongs to a trace`);
      return handle;
    });
    const what = `${name}(${handles.map(({ shape }) => `[${shape}]`).join(", ")})`;
    const results = new BigUint64Array(Math.max(outputs, 1));
    eager.check(what, (status) => {
      const op = tf.TFE_NewOp<bigint | null>(eager.context, name, status);
      if (op === null) return;
      try {
        for (const handle of handles) tf.TFE_OpAddInput(op, handle.pointer, status);
        for (const attribute of attributes) setAttribute(tf, op, name, attribute, status);
        eager.assertOk(what, status);
        tf.TFE_Execute(op, results, [outputs], status);
      } finally {
        tf.TFE_DeleteOp(op);
      }
    });
    return Array.from({ length: outputs }, (_, index) => this.#register(eager.adopt(results[index]!)));
  }

  #register(handle: Handle): TensorMetadata {
    const id = this.newId();
    this.#handles.set(id, handle);
    return { id, shape: [...handle.shape], dtype: handle.dtype };
  }
}

/** tfjs gives values as typed arrays or, for small literals, as plain arrays; TensorFlow wants the dtype's bytes. */
function hostBytes(dtype: number, values: HostValues): ArrayBufferView {
  switch (dtype) {
    case DTYPE.float:
      return values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number>);
    case DTYPE.int32:
      return values instanceof Int32Array ? values : Int32Array.from(values as ArrayLike<number>);
    case DTYPE.int64: // tfjs-node's Int64Scalar: little-endian pairs of int32
      return values as Int32Array;
    case DTYPE.bool:
    case DTYPE.uint8:
      return values instanceof Uint8Array ? values : Uint8Array.from(values as ArrayLike<number>);
    default:
      throw new CnnDistError("dtype", `tensors of TensorFlow's dtype ${dtype} cannot be made from host values`);
  }
}
