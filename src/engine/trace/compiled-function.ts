/** A traced function in the eager context, and the calls of it. */
import { CnnDistError } from "../../errors.js";
import type { TraceCall, TracedFunction, TraceSpec } from "../engine.js";
import type { Pointer } from "../native/capi.js";
import type { EagerContext, Handle } from "../native/context.js";
import { DTYPE } from "../native/dtype.js";
import type { Marks } from "./marks.js";
import { StreamQueue } from "./streams.js";

export const INPUT_DTYPE = { uint8: DTYPE.uint8, int32: DTYPE.int32, float32: DTYPE.float } as const;

/** What comes out of a call. */
export interface FunctionShape {
  /** Tensors of each stream, and the order in which streams leave. */
  streams: { tensors: readonly number[]; order: readonly number[] };
  outputs: number;
  /** Whether the last output is the state, but for the marks' times. */
  state: boolean;
  /** Whose times are the last output; null: none. */
  marks: Marks | null;
}

type CallResult = Awaited<ReturnType<TracedFunction["run"]>>;

export class CompiledFunction implements TracedFunction {
  readonly traceMs: number;
  readonly nodes: number;
  readonly placement: TracedFunction["placement"];
  readonly #eager: EagerContext;
  readonly #name: string;
  readonly #spec: TraceSpec;
  readonly #shape: FunctionShape;
  /** `config_proto` of a call; null where the context's own will do. */
  readonly #callConfig: Uint8Array | null;
  /** One a stream; none until the first call, and after one that failed. */
  #queues: readonly StreamQueue[] = [];
  #generation = 0;
  /** The call under way. TensorFlow reads its vectors in place, so they must live as long as it computes. */
  #current: { call: TraceCall; result: Promise<CallResult>; cancellation: Pointer } | null = null;
  #disposed = false;

  constructor(
    eager: EagerContext,
    name: string,
    spec: TraceSpec,
    shape: FunctionShape,
    facts: Pick<TracedFunction, "traceMs" | "nodes" | "placement"> & { callConfig: Uint8Array | null },
  ) {
    this.#eager = eager;
    this.#name = name;
    this.#spec = spec;
    this.#shape = shape;
    this.traceMs = facts.traceMs;
    this.nodes = facts.nodes;
    this.placement = facts.placement;
    this.#callConfig = facts.callConfig;
  }

  async run(call: TraceCall): Promise<CallResult> {
    if (this.#disposed) throw new CnnDistError("trace-run", `${this.#spec.name} was disposed`);
    if (this.#current) throw new CnnDistError("trace-run", `${this.#spec.name} is already running; one call at a time`);
    this.#checkCall(call);
    const { tf } = this.#eager.native;
    const cancellation = tf.TFE_NewCancellationManager<Pointer>();
    const result = this.#compute(call, cancellation);
    this.#current = { call, result, cancellation };
    try {
      return await result;
    } catch (error) {
      if (!this.#disposed) throw error;
      throw new CnnDistError("cancelled", `${this.#spec.name} was ended before it had finished`, { cause: error });
    } finally {
      this.#current = null;
      tf.TFE_DeleteCancellationManager(cancellation);
      if (this.#disposed) this.#free();
    }
  }

  async #compute(call: TraceCall, cancellation: Pointer): Promise<CallResult> {
    const eager = this.#eager;
    const handles: Handle[] = [];
    const startUnixMs = Date.now();
    try {
      this.#spec.inputs.forEach(({ dtype, shape }, index) =>
        handles.push(eager.upload(INPUT_DTYPE[dtype], shape, call.inputs[index]!)),
      );
      for (const vector of call.variables) handles.push(eager.wrapFloat32(vector));
      const results = await this.#execute(handles, call.onStream, cancellation);
      try {
        const arrays = results.map((result) => new Float32Array(eager.bytes(result)));
        const devices = this.#shape.marks?.spans(arrays.pop()!, startUnixMs) ?? [];
        const state = this.#shape.state ? arrays.pop()! : new Float32Array(0);
        return { outputs: arrays, state, devices };
      } finally {
        results.forEach((result) => eager.release(result));
      }
    } finally {
      handles.forEach((handle) => eager.release(handle));
    }
  }

  async #execute(
    handles: readonly Handle[],
    onStream: TraceCall["onStream"],
    cancellation: Pointer,
  ): Promise<Handle[]> {
    const eager = this.#eager;
    const queues = this.#openQueues();
    const op = this.#operation([...handles, ...queues.map(({ handle }) => handle)], cancellation);
    const execution = eager.executeAsync(this.#spec.name, op, this.#shape.outputs);
    if (queues.length === 0) return execution;
    const drained = this.#drain(queues, onStream);
    // Whichever side fails first, the queues are closed so that the other ends too; the next call gets new ones. The other
    // side then fails because of that, so the first failure is the one to tell.
    const failures: unknown[] = [];
    const failed = (error: unknown) => {
      failures.push(error);
      if (this.#queues === queues) this.#closeQueues();
    };
    execution.catch(failed);
    drained.catch(failed);
    const [executed] = await Promise.allSettled([execution, drained]);
    if (failures.length > 0) {
      if (executed.status === "fulfilled") executed.value.forEach((result) => eager.release(result));
      throw failures[0];
    }
    return await execution;
  }

  #operation(handles: readonly Handle[], cancellation: Pointer): Pointer {
    const eager = this.#eager;
    const { tf } = eager.native;
    return eager.check(this.#spec.name, (status) => {
      const op = tf.TFE_NewOp<Pointer>(eager.context, this.#name, status);
      eager.assertOk(this.#spec.name, status);
      for (const handle of handles) tf.TFE_OpAddInput(op, handle.pointer, status);
      const config = this.#callConfig;
      if (config) tf.TFE_OpSetAttrString(op, "config_proto", config, config.byteLength);
      tf.TFE_OpSetCancellationManager(op, cancellation, status);
      return op;
    });
  }

  #openQueues(): readonly StreamQueue[] {
    if (this.#queues.length === 0) {
      const name = `${this.#name}-${this.#generation++}`;
      this.#queues = this.#shape.streams.tensors.map(
        (tensors, stream) => new StreamQueue(this.#eager, `${name}-${stream}`, tensors),
      );
    }
    return this.#queues;
  }

  #closeQueues(): void {
    const queues = this.#queues;
    this.#queues = [];
    for (const queue of queues) queue.close();
  }

  async #drain(queues: readonly StreamQueue[], onStream: TraceCall["onStream"]): Promise<void> {
    for (const stream of this.#shape.streams.order) await queues[stream]!.next((values) => onStream(stream, values));
  }

  #checkCall(call: TraceCall): void {
    const { inputs, variables, name } = this.#spec;
    inputs.forEach(({ shape }, index) => {
      const expected = shape.reduce((product, dim) => product * dim, 1);
      const received = call.inputs[index]?.length;
      if (received !== expected)
        throw new CnnDistError(
          "trace-run",
          `${name}: input ${index} has ${received ?? "no"} elements; its shape [${shape}] needs ${expected}`,
        );
    });
    variables.forEach(({ size }, index) => {
      const received = call.variables[index]?.length;
      if (received !== size)
        throw new CnnDistError(
          "trace-run",
          `${name}: variable vector ${index} has ${received ?? "no"} elements; it needs ${size}`,
        );
    });
  }

  /** A call under way is cancelled: its promise rejects with `cancelled` once TensorFlow has let go of it. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (!this.#current) return this.#free();
    this.#eager.native.tf.TFE_CancellationManagerStartCancel(this.#current.cancellation);
    this.#closeQueues();
  }

  /** Resolves when no call is under way. */
  async idle(): Promise<void> {
    await this.#current?.result.catch(() => {});
  }

  #free(): void {
    this.#closeQueues();
    const eager = this.#eager;
    eager.check(`removing ${this.#spec.name}`, (status) =>
      eager.native.tf.TFE_ContextRemoveFunction(eager.context, this.#name, status),
    );
  }
}
