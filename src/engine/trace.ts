/** From a step's body, written in tfjs, to one TensorFlow function. */
import type * as tfjs from "@tensorflow/tfjs";
import { CnnDistError } from "../errors.js";
import type { Output, Pointer } from "./capi.js";
import { DTYPE } from "./dtype.js";
import type { TraceCall, TracedFunction, TraceSpec } from "./engine.js";
import { Graph } from "./graph.js";
import type { Handle, Session } from "./session.js";
import { StreamQueue } from "./streams.js";
import type { NodeBackend } from "./tfjs.js";
import { assertSameJournal, Tracer } from "./tracer.js";

const INPUT_DTYPE = { uint8: DTYPE.uint8, int32: DTYPE.int32, float32: DTYPE.float } as const;

interface Built {
  graph: Graph;
  tracer: Tracer;
  placeholders: Output[];
  outputs: Output[];
  enqueues: Pointer[];
}

/** `name` must be new to the session. Traces twice; the first graph is only there to be compared with. */
export function traceFunction(tf: typeof tfjs, backend: NodeBackend, name: string, spec: TraceSpec): TracedFunction {
  const { session } = backend.binding;
  const start = performance.now();
  const first = build(tf, backend, spec);
  first.graph.delete();
  const built = build(tf, backend, spec);
  try {
    assertSameJournal(spec.name, first.tracer.journal, built.tracer.journal);
    built.graph.toFunction(name, built.placeholders, built.outputs, built.enqueues);
  } finally {
    built.graph.delete();
  }
  const shape = { streams: built.enqueues.length, outputs: built.outputs.length, state: spec.assigned.length > 0 };
  return new CompiledFunction(session, name, spec, shape, {
    traceMs: performance.now() - start,
    nodes: built.graph.nodes,
  });
}

function build(tf: typeof tfjs, backend: NodeBackend, spec: TraceSpec): Built {
  const { binding } = backend;
  const graph = new Graph(binding.session);
  const tracer = new Tracer(graph, binding);
  const placeholders: Output[] = [];
  // A variable that the body assigns loses its tensor; a clone keeps it, and gives it back afterwards.
  const kept = spec.assigned.map((variable) => tf.keep(variable.clone()));
  try {
    return tf.tidy(() =>
      binding.trace(tracer, () => {
        const inputs = spec.inputs.map(({ dtype, shape }) => {
          const placeholder = graph.placeholder(INPUT_DTYPE[dtype], shape);
          placeholders.push(placeholder);
          const seen = dtype === "uint8" ? graph.cast(placeholder, DTYPE.uint8, DTYPE.float) : placeholder;
          return backend.createOutputTensor(tracer.define(seen, "Placeholder"));
        });
        for (const { size, slots } of spec.variables) {
          const vector = graph.placeholder(DTYPE.float, [size]);
          placeholders.push(vector);
          const ordered = slots.toSorted((a, b) => a.offset - b.offset);
          const pieces = graph.splitFlat(
            vector,
            ordered.map(({ shape }) => shape),
          );
          ordered.forEach(({ variable }, index) =>
            tracer.bind(backend.getInputTensorIds([variable])[0]!, pieces[index]!),
          );
        }
        const result = spec.body(inputs);
        const outputOf = (tensor: tfjs.Tensor, consumer: string) =>
          tracer.resolve(backend.getInputTensorIds([tensor])[0]!, consumer);
        const outputs = result.outputs.map((tensor) =>
          graph.concatFlat([toFloat(graph, outputOf(tensor, "an output"))]),
        );
        if (spec.assigned.length > 0)
          outputs.push(graph.concatFlat(spec.assigned.map((variable) => outputOf(variable, "the state"))));
        const enqueues: Pointer[] = [];
        if (result.streams.length > 0) {
          const queue = graph.placeholder(DTYPE.resource, []);
          placeholders.push(queue);
          result.streams.forEach((tensors, index) => {
            const value = graph.concatFlat(tensors.map((tensor) => toFloat(graph, outputOf(tensor, "a stream"))));
            enqueues.push(StreamQueue.enqueue(graph, queue, index, value));
          });
        }
        return { graph, tracer, placeholders, outputs, enqueues } as unknown as tfjs.TensorContainer;
      }),
    ) as unknown as Built;
  } catch (error) {
    graph.delete();
    throw error;
  } finally {
    spec.assigned.forEach((variable, index) => {
      variable.assign(kept[index]!);
      kept[index]!.dispose();
    });
  }
}

function toFloat(graph: Graph, output: Output): Output {
  return graph.cast(output, graph.dtypeOf(output), DTYPE.float);
}

class CompiledFunction implements TracedFunction {
  readonly traceMs: number;
  readonly nodes: number;
  readonly #session: Session;
  readonly #name: string;
  readonly #spec: TraceSpec;
  readonly #shape: { streams: number; outputs: number; state: boolean };
  #queue: StreamQueue | null = null;
  #generation = 0;
  #running = false;
  #disposed = false;

  constructor(
    session: Session,
    name: string,
    spec: TraceSpec,
    shape: { streams: number; outputs: number; state: boolean },
    facts: { traceMs: number; nodes: number },
  ) {
    this.#session = session;
    this.#name = name;
    this.#spec = spec;
    this.#shape = shape;
    this.traceMs = facts.traceMs;
    this.nodes = facts.nodes;
  }

  async run(call: TraceCall): Promise<{ outputs: Float32Array[]; state: Float32Array }> {
    if (this.#disposed) throw new CnnDistError("trace-run", `${this.#spec.name} was disposed`);
    if (this.#running) throw new CnnDistError("trace-run", `${this.#spec.name} is already running; one call at a time`);
    this.#checkCall(call);
    this.#running = true;
    const session = this.#session;
    const handles: Handle[] = [];
    try {
      this.#spec.inputs.forEach(({ dtype, shape }, index) =>
        handles.push(session.upload(INPUT_DTYPE[dtype], shape, call.inputs[index]!)),
      );
      for (const vector of call.variables) handles.push(session.wrapFloat32(vector));
      const results = await this.#execute(handles, call.onStream);
      try {
        const arrays = results.map((result) => new Float32Array(session.bytes(result)));
        const state = this.#shape.state ? arrays.pop()! : new Float32Array(0);
        return { outputs: arrays, state };
      } finally {
        results.forEach((result) => session.release(result));
      }
    } finally {
      handles.forEach((handle) => session.release(handle));
      this.#running = false;
    }
  }

  async #execute(handles: readonly Handle[], onStream: TraceCall["onStream"]): Promise<Handle[]> {
    const session = this.#session;
    const { tf } = session.native;
    const queue = this.#shape.streams > 0 ? this.#openQueue() : null;
    const op = session.check(this.#spec.name, (status) => {
      const pointer = tf.TFE_NewOp<Pointer>(session.context, this.#name, status);
      session.assertOk(this.#spec.name, status);
      for (const handle of handles) tf.TFE_OpAddInput(pointer, handle.pointer, status);
      if (queue) tf.TFE_OpAddInput(pointer, queue.handle.pointer, status);
      return pointer;
    });
    const execution = session.executeAsync(this.#spec.name, op, this.#shape.outputs);
    if (!queue) return execution;
    const drained = this.#drain(queue, onStream);
    // Whichever side fails first, the queue is closed so that the other ends too; the next call gets a new one. The other
    // side then fails because of that, so the first failure is the one to tell.
    const failures: unknown[] = [];
    const failed = (error: unknown) => {
      failures.push(error);
      if (this.#queue !== queue) return;
      this.#queue = null;
      queue.close();
    };
    execution.catch(failed);
    drained.catch(failed);
    const [executed] = await Promise.allSettled([execution, drained]);
    if (failures.length > 0) {
      if (executed.status === "fulfilled") executed.value.forEach((result) => session.release(result));
      throw failures[0];
    }
    return await execution;
  }

  #openQueue(): StreamQueue {
    this.#queue ??= new StreamQueue(this.#session, `${this.#name}-${this.#generation++}`);
    return this.#queue;
  }

  async #drain(queue: StreamQueue, onStream: TraceCall["onStream"]): Promise<void> {
    for (let received = 0; received < this.#shape.streams; received++) await queue.next(onStream);
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

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#queue?.close();
    this.#queue = null;
    const session = this.#session;
    session.check(`removing ${this.#spec.name}`, (status) =>
      session.native.tf.TFE_ContextRemoveFunction(session.context, this.#name, status),
    );
  }
}
