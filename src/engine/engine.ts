/** What the rest of the house knows of TensorFlow. `openEngine` (open.ts) gives one; a process has one at most. */
import type * as tfjs from "@tensorflow/tfjs";
import type { Ops } from "./kernels/ops.js";
import type { Precision } from "./native/config-proto.js";
import type { DecodedImage, Place } from "./native/decode.js";
import type { DevicePlace } from "./native/place.js";
import type { DeviceSpan } from "./trace/marks.js";
import type { Placement } from "./trace/placement.js";

export type { DecodedImage, DevicePlace, DeviceSpan, Place, Placement };
export type Tf = typeof tfjs;

/** Everything of engine and machine that the bits of a result depend on; a join compares it (src/protocol/messages.ts). */
export interface EngineInfo {
  tensorflow: string;
  build: string;
  device: string;
  instructions: string;
  onednn: string;
  threads: number;
  deterministic: boolean;
  tf32: boolean;
}

export interface EngineOptions {
  /** Folder that holds libtensorflow_cc.so.2 and libtensorflow_framework.so.2. */
  libraryDir: string;
  /** Intra-op threads of each device; inter-op are as many as devices, in one pool for all. */
  threads: number;
  device: "cpu" | "gpu";
  /** Absent: 1. On a CPU, logical devices. UsageError `no-gpu` where TensorFlow sees fewer GPUs. */
  devices?: number;
  precision: Precision;
}

/** Variables whose values one flat float32 vector holds: the vector is an input of the traced function. */
export interface FlatVariables {
  /** Elements. */
  size: number;
  slots: readonly { variable: tfjs.Variable; offset: number; shape: readonly number[] }[];
}

export interface TraceSpec {
  /** For error messages and profiles. */
  name: string;
  /** Host arrays given at each call. uint8 arrives in the body as float32 (values 0 to 255), int32 as int32. */
  inputs: readonly { dtype: "uint8" | "int32" | "float32"; shape: readonly number[] }[];
  variables: readonly FlatVariables[];
  /**
   * Written with tfjs, executed symbolically. `streams`: each is handed out as its tensors, unjoined, the moment it
   * exists; on one CPU device, what the body wrote after it waits until then. `outputs`: small results at the end, each
   * flattened to one float32 vector. What the body assigned to the variables of `assigned` is concatenated to one more
   * vector, `state`.
   */
  body: (inputs: readonly tfjs.Tensor[]) => {
    streams: readonly (readonly tfjs.Tensor[])[];
    outputs: readonly tfjs.Tensor[];
  };
  assigned: readonly tfjs.Variable[];
}

export interface TraceCall {
  inputs: readonly (Uint8Array | Int32Array | Float32Array)[];
  /** One vector a FlatVariables, read in place: it must not change during the call. */
  variables: readonly Float32Array[];
  /** Called in the order in which the body makes the streams; `values` are only there during the call. */
  onStream: (index: number, values: StreamValues) => void;
}

/** A stream's tensors, one after the other, in TensorFlow's own memory. */
export interface StreamValues {
  /** Elements. */
  readonly length: number;
  /** `target` has `length` elements. */
  copyTo(target: Float32Array): void;
}

/** The same of an array. */
export function streamOf(values: Float32Array): StreamValues {
  return { length: values.length, copyTo: (target) => target.set(values) };
}

export interface TracedFunction {
  /** Milliseconds that tracing took, and nodes in the graph. */
  readonly traceMs: number;
  readonly nodes: number;
  /** Null where no op was given a device. */
  readonly placement: Placement | null;
  /** One call at a time; the event loop stays free while it computes. */
  run(call: TraceCall): Promise<{
    outputs: Float32Array[];
    state: Float32Array;
    /** When each device worked, in the order of time; empty with one device, and on GPUs, which run behind the host. */
    devices: DeviceSpan[];
  }>;
  /** Frees graph, function and queue; a call under way is cancelled and rejects with the code `cancelled`. */
  dispose(): void;
}

export interface Engine {
  /** tfjs with our backend; tensors made outside of a trace are eager. */
  readonly tf: Tf;
  readonly ops: Ops;
  readonly info: EngineInfo;
  readonly devices: number;
  trace(spec: TraceSpec): TracedFunction;
  /**
   * While it traces, ops of `body` are given that place; device d is number d modulo `devices`. An op that is given none
   * goes to the device of its first input that has one: so do gradients, which tfjs computes when `body` is over.
   */
  at<R>(place: DevicePlace, body: () => R): R;
  /**
   * JPEG and PNG files, read and decoded in one call, as gray or RGB; CnnDistError `image` names one that is neither, or
   * damaged. `place` may offer memory for the pixels once their size is known.
   */
  decodeImages(paths: readonly string[], channels: 1 | 3, place?: Place): Promise<DecodedImage[]>;
  /** A float32 vector (zeros) that `run` can read in place: its first byte lies on a 64-byte boundary. */
  allocate(length: number): Float32Array;
  /** Live TensorFlow tensors (handles) and their bytes. */
  memory(): { tensors: number; bytes: number };
  /** Disposes all traced functions; resolves when TensorFlow computes nothing any more. The engine stays usable. */
  close(): Promise<void>;
}
