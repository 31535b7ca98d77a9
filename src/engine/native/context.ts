/** One TensorFlow eager context: statuses, tensors, handles, and the one place that turns a status into an error. */
import { CnnDistError, type Code } from "../../errors.js";
import type { Native, Pointer } from "./capi.js";
import { type ConfigOptions, configProto } from "./config-proto.js";
import { bytesPerElement, DTYPE } from "./dtype.js";

export interface Device {
  /** /job:localhost/replica:0/task:0/device:GPU:0 and so on. */
  name: string;
  type: string;
}

/** An eager tensor: TensorFlow's handle with what it holds. */
export interface Handle {
  pointer: Pointer;
  shape: readonly number[];
  dtype: number;
}

export class EagerContext {
  readonly native: Native;
  readonly version: string;
  readonly context: Pointer;
  readonly devices: readonly Device[];
  #handles = 0;
  #bytes = 0;

  constructor(native: Native, config: ConfigOptions) {
    this.native = native;
    const { tf } = native;
    this.version = tf.TF_Version<string>();
    const proto = configProto(config);
    this.context = this.check("opening TensorFlow", (status) => {
      const options = tf.TFE_NewContextOptions<Pointer>();
      tf.TFE_ContextOptionsSetConfig(options, proto, proto.byteLength, status);
      const context = tf.TFE_NewContext<Pointer>(options, status);
      tf.TFE_DeleteContextOptions(options);
      return context;
    });
    this.devices = this.#listDevices();
  }

  /** Calls `body` with a fresh status and throws what TensorFlow says; `what` names the op or the act. */
  check<R>(what: string, body: (status: Pointer) => R): R {
    const { tf } = this.native;
    const status = tf.TF_NewStatus<Pointer>();
    try {
      const result = body(status);
      this.assertOk(what, status);
      return result;
    } finally {
      tf.TF_DeleteStatus(status);
    }
  }

  assertOk(what: string, status: Pointer): void {
    const { tf } = this.native;
    const code = tf.TF_GetCode<number>(status);
    if (code === 0) return;
    const message = tf.TF_Message<string>(status);
    throw new CnnDistError(ERROR_CODES[code] ?? "tensorflow", `TensorFlow, ${what}: ${message}`);
  }

  /** Copies host values into a new TF_Tensor, which the caller deletes. Throws when they are not as many as the shape says. */
  newTensor(dtype: number, shape: readonly number[], values: ArrayBufferView): Pointer {
    const { tf, libc } = this.native;
    const expected = bytesOf({ dtype, shape });
    if (values.byteLength !== expected)
      throw new CnnDistError(
        "tensor",
        `a tensor of shape [${shape}] needs ${expected} bytes; received a ${values.constructor.name} of ${values.byteLength}`,
      );
    const tensor = tf.TF_AllocateTensor<Pointer>(dtype, dims(shape), shape.length, values.byteLength);
    if (values.byteLength > 0) libc.copy(tf.TF_TensorData<Pointer>(tensor), values, values.byteLength);
    return tensor;
  }

  newStringTensor(shape: readonly number[], values: readonly Uint8Array[]): Pointer {
    const { tf } = this.native;
    const tensor = tf.TF_AllocateTensor<Pointer>(
      DTYPE.string,
      dims(shape),
      shape.length,
      values.length * TSTRING_BYTES,
    );
    const data = tf.TF_TensorData<Pointer>(tensor);
    values.forEach((value, index) => {
      const string = data + BigInt(index * TSTRING_BYTES);
      tf.TF_StringInit(string);
      tf.TF_StringCopy(string, value, value.byteLength);
    });
    return tensor;
  }

  /**
   * A handle that reads the array's own memory, if that is aligned to 64 bytes (`alignedFloat32`); else TensorFlow
   * copies. The array must stay as it is until the handle was deleted.
   */
  wrapFloat32(array: Float32Array): Handle {
    const { tf, libc } = this.native;
    const tensor = tf.TF_NewTensor<Pointer>(
      DTYPE.float,
      dims([array.length]),
      1,
      array,
      array.byteLength,
      libc.noop,
      null,
    );
    return this.#handleOf(tensor, [array.length], DTYPE.float);
  }

  upload(dtype: number, shape: readonly number[], values: ArrayBufferView): Handle {
    return this.#handleOf(this.newTensor(dtype, shape, values), shape, dtype);
  }

  uploadStrings(shape: readonly number[], values: readonly Uint8Array[]): Handle {
    return this.#handleOf(this.newStringTensor(shape, values), shape, DTYPE.string);
  }

  #handleOf(tensor: Pointer, shape: readonly number[], dtype: number): Handle {
    const { tf } = this.native;
    const pointer = this.check("making a tensor", (status) => tf.TFE_NewTensorHandle<Pointer>(tensor, status));
    tf.TF_DeleteTensor(tensor);
    return this.#count({ pointer, shape, dtype });
  }

  /** Takes over a handle that an op gave out. */
  adopt(pointer: Pointer): Handle {
    const { tf } = this.native;
    return this.check("reading a tensor's shape", (status) => {
      const rank = tf.TFE_TensorHandleNumDims<number>(pointer, status);
      const shape = Array.from({ length: Math.max(rank, 0) }, (_, axis) =>
        Number(tf.TFE_TensorHandleDim<number | bigint>(pointer, axis, status)),
      );
      return this.#count({ pointer, shape, dtype: tf.TFE_TensorHandleDataType<number>(pointer) });
    });
  }

  #count(handle: Handle): Handle {
    this.#handles++;
    this.#bytes += bytesOf(handle);
    return handle;
  }

  release(handle: Handle): void {
    this.native.tf.TFE_DeleteTensorHandle(handle.pointer);
    this.#handles--;
    this.#bytes -= bytesOf(handle);
  }

  /** Hands `use` the tensor's bytes in place, after waiting for the tensor; they are gone when `use` returns. */
  read<R>(handle: Handle, use: (data: Pointer, bytes: number) => R): R {
    const { tf } = this.native;
    const tensor = this.check("reading a tensor", (status) =>
      tf.TFE_TensorHandleResolve<Pointer>(handle.pointer, status),
    );
    try {
      return use(tf.TF_TensorData<Pointer>(tensor), Number(tf.TF_TensorByteSize<number | bigint>(tensor)));
    } finally {
      tf.TF_DeleteTensor(tensor);
    }
  }

  /** Copies the tensor's bytes, which must be as many as the array's. */
  readInto(handle: Handle, target: Uint8Array): void {
    this.read(handle, (data, bytes) => {
      if (bytes !== target.byteLength)
        throw new CnnDistError("tensor", `a tensor of ${bytes} bytes does not fit ${target.byteLength}`);
      if (bytes > 0) this.native.libc.copy(target, data, bytes);
    });
  }

  /** A copy of the tensor's bytes. */
  bytes(handle: Handle): ArrayBuffer {
    return this.read(handle, (data, bytes) => {
      const copy = new ArrayBuffer(bytes);
      if (bytes > 0) this.native.libc.copy(new Uint8Array(copy), data, bytes);
      return copy;
    });
  }

  /** Copies of a string tensor's elements. */
  strings(handle: Handle): Uint8Array[] {
    const { tf, libc } = this.native;
    return this.read(handle, (data, bytes) =>
      Array.from({ length: bytes / TSTRING_BYTES }, (_, index) => {
        const string = data + BigInt(index * TSTRING_BYTES);
        const copy = new Uint8Array(Number(tf.TF_StringGetSize<number | bigint>(string)));
        if (copy.byteLength > 0) libc.copy(copy, tf.TF_StringGetDataPointer<Pointer>(string), copy.byteLength);
        return copy;
      }),
    );
  }

  /** Runs one eager op or function to its end, off the event loop's thread. */
  async executeAsync(what: string, op: Pointer, outputs: number): Promise<Handle[]> {
    const { tf } = this.native;
    const status = tf.TF_NewStatus<Pointer>();
    const results = new BigUint64Array(Math.max(outputs, 1));
    try {
      await new Promise<void>((resolve, reject) => {
        tf.TFE_Execute.async(op, results, [outputs], status, (error: Error | null) =>
          error ? reject(error) : resolve(),
        );
      });
      this.assertOk(what, status);
      return Array.from({ length: outputs }, (_, index) => this.adopt(results[index]!));
    } finally {
      tf.TFE_DeleteOp(op);
      tf.TF_DeleteStatus(status);
    }
  }

  memory(): { tensors: number; bytes: number } {
    return { tensors: this.#handles, bytes: this.#bytes };
  }

  #listDevices(): Device[] {
    const { tf } = this.native;
    return this.check("listing devices", (status) => {
      const list = tf.TFE_ContextListDevices<Pointer>(this.context, status);
      const devices = Array.from({ length: tf.TF_DeviceListCount<number>(list) }, (_, index) => ({
        name: tf.TF_DeviceListName<string>(list, index, status),
        type: tf.TF_DeviceListType<string>(list, index, status),
      }));
      tf.TF_DeleteDeviceList(list);
      return devices;
    });
  }
}

/** TensorFlow's status codes that have a code of ours. */
const ERROR_CODES: Readonly<Record<number, Code>> = { 1: "cancelled", 8: "out-of-memory" };
/** A TF_TString. */
const TSTRING_BYTES = 24;

export function dims(shape: readonly number[]): BigInt64Array {
  return BigInt64Array.from(shape, BigInt);
}

function bytesOf({ shape, dtype }: Pick<Handle, "shape" | "dtype">): number {
  return shape.reduce((product, dim) => product * dim, bytesPerElement(dtype));
}

/** A float32 vector whose first byte lies on a 64-byte boundary, so that TensorFlow reads it in place. */
export function alignedFloat32(native: Native, length: number): Float32Array {
  const slack = 64;
  const bytes = new Uint8Array(length * 4 + slack);
  const misalignment = Number(native.libc.addressOf(bytes) % BigInt(slack));
  return new Float32Array(bytes.buffer, misalignment === 0 ? 0 : slack - misalignment, length);
}
