/** From a step's body, written in tfjs, to one TensorFlow function. */
import type * as tfjs from "@tensorflow/tfjs";
import type { FlatVariables, TraceSpec } from "../engine.js";
import type { NodeBackend } from "../native/backend.js";
import type { Output, Pointer } from "../native/capi.js";
import type { Precision } from "../native/config-proto.js";
import { DTYPE } from "../native/dtype.js";
import { Graph } from "../native/graph.js";
import type { DevicePlace } from "../native/place.js";
import { CompiledFunction, type FunctionShape, INPUT_DTYPE } from "./compiled-function.js";
import { type Journal, Replay, wordOf } from "./journal.js";
import { Marks } from "./marks.js";
import { orderOf } from "./order.js";
import { type Boundaries, placementOf } from "./placement.js";
import { StreamQueue } from "./streams.js";
import { Tracer } from "./tracer.js";

interface Built {
  placeholders: Output[];
  /** Which of the placeholders are vectors of variables. */
  vectors: Output[];
  /** The first tensor of the first stream, or of the outputs. */
  first: Output | null;
  outputs: Output[];
  enqueues: Pointer[];
  streams: FunctionShape["streams"];
}

/** `name` must be new to the context. The body runs twice: once to build the graph, once to be held against the first. */
export function traceFunction(
  tf: typeof tfjs,
  backend: NodeBackend,
  name: string,
  spec: TraceSpec,
  given: {
    precision: Precision;
    callConfig: Uint8Array | null;
    deviceOf: (place: DevicePlace) => string | null;
    /** Whether to tell when devices work. */
    marked: boolean;
  },
): CompiledFunction {
  const { precision, callConfig, deviceOf } = given;
  const { binding } = backend;
  const { eager } = binding;
  const start = performance.now();
  const graph = new Graph(eager, deviceOf);
  try {
    const marks = given.marked ? new Marks(graph) : null;
    const tracer = new Tracer(graph, binding, foreignVariables(tf, backend, spec), marks);
    const built = scoped(tf, backend, spec, () =>
      binding.trace(tracer, precision, () => addNodes(backend, spec, graph, tracer)),
    );
    const times = marks?.times() ?? null;
    if (times !== null) built.outputs.push(times);
    scoped(tf, backend, spec, () => replay(backend, spec, precision, tracer.journal));
    graph.toFunction(name, built.placeholders, built.outputs, built.enqueues);
    const shape: FunctionShape = {
      streams: built.streams,
      outputs: built.outputs.length,
      state: spec.assigned.length > 0,
      marks: times === null ? null : marks,
    };
    return new CompiledFunction(eager, name, spec, shape, {
      traceMs: performance.now() - start,
      nodes: graph.nodes,
      placement: placementOf(graph.describe(), boundariesOf(graph, built)),
      callConfig,
    });
  } finally {
    graph.delete();
  }
}

/** Runs what traces, and leaves neither tensors nor assignments behind. */
function scoped<R>(tf: typeof tfjs, backend: NodeBackend, spec: TraceSpec, traces: () => R): R {
  // A variable that the body assigns loses its tensor; a clone keeps it, and gives it back afterwards.
  const kept = spec.assigned.map((variable) => tf.keep(variable.clone()));
  const takeBack = lendIds(backend, spec);
  tf.engine().startScope(spec.name);
  try {
    return traces();
  } finally {
    tf.engine().endScope();
    takeBack();
    spec.assigned.forEach((variable, index) => {
      variable.assign(kept[index]!);
      kept[index]!.dispose();
    });
  }
}

/**
 * tfjs would upload a variable when an op first names it. A trace names them all and reads none, so those still on the
 * host get ids for its time only: a network whose weights come with every call never holds a second copy of them.
 */
function lendIds({ binding, tensorMap }: NodeBackend, { variables }: TraceSpec): () => void {
  const lent = variables
    .flatMap(({ slots }) => slots.map(({ variable }) => tensorMap.get(variable.dataId)))
    .filter((info, index, all) => info.values !== null && all.indexOf(info) === index)
    .map((info) => ({ info, values: info.values }));
  for (const { info } of lent) Object.assign(info, { id: binding.newId(), values: null });
  return () => {
    for (const { info, values } of lent) Object.assign(info, { id: -1, values });
  };
}

/** Runs the body once, between placeholders for all that goes in and nodes for all that comes out. */
function addNodes(backend: NodeBackend, spec: TraceSpec, graph: Graph, tracer: Tracer): Built {
  const placeholders: Output[] = [];
  const inputs = spec.inputs.map(({ dtype, shape }) => {
    const placeholder = graph.placeholder(INPUT_DTYPE[dtype], shape);
    placeholders.push(placeholder);
    return backend.createOutputTensor(tracer.input(placeholder, dtype === "int32" ? DTYPE.int32 : DTYPE.float));
  });
  const onHost = <R>(body: () => R) => graph.at("host", body);
  const vectors: Output[] = [];
  for (const { size, slots } of spec.variables) {
    const ordered = inOrder(slots);
    const shapes = ordered.map(({ shape }) => shape);
    const vector = onHost(() => graph.placeholder(DTYPE.float, [size]));
    vectors.push(vector);
    placeholders.push(vector);
    const pieces = onHost(() => graph.splitFlat(vector, shapes));
    ordered.forEach(({ variable }, index) => tracer.bind(idOf(backend, variable), pieces[index]!, variable.name));
  }
  const { streams, outputs, state } = resultsOf(backend, spec, spec.body(inputs));
  const ends = (ids: readonly number[], consumer: string) => ids.map((id) => tracer.result(id, consumer, "host"));
  const asFloats = (values: readonly Output[]) => values.map((value) => toFloat(graph, value));
  const joined = (values: readonly Output[]) => onHost(() => graph.concatFlat(asFloats(values)));
  const results = outputs.map((id) => ends([id], "an output"));
  if (state.length > 0) results.push(ends(state, "the state"));
  const leaving = streams.map((ids) => ends(ids, "a stream"));
  const queues = onHost(() => streams.map(() => graph.placeholder(DTYPE.resource, [])));
  const enqueues = onHost(() =>
    leaving.map((values, index) => StreamQueue.enqueue(graph, queues[index]!, asFloats(values))),
  );
  return {
    placeholders: [...placeholders, ...queues],
    vectors,
    first: [...leaving, ...results][0]?.[0] ?? null,
    outputs: results.map(joined),
    enqueues,
    streams: { tensors: streams.map((ids) => ids.length), order: inTurn(graph, leaving, enqueues) },
  };
}

/** Has streams leave in the order in which the body makes them; returns it. */
function inTurn(
  graph: Graph,
  leaving: readonly (readonly Output[])[],
  enqueues: readonly Pointer[],
): readonly number[] {
  const order = orderOf(
    graph.reads(),
    leaving.map((values) => values.map((value) => graph.numberOf(value))),
  );
  // Devices of one function work beside each other, and a GPU ahead of the host: none is to wait for the host's queues.
  const onOneCpu = !graph.hasDevices && graph.eager.devices.every(({ type }) => type === "CPU");
  if (onOneCpu)
    for (const [stream, waiting] of order.waiting) for (const node of waiting) graph.runAfter(node, enqueues[stream]!);
  return order.streams;
}

function boundariesOf(graph: Graph, { vectors, first, outputs, enqueues }: Built): Boundaries {
  return {
    variables: new Set(vectors.map((vector) => graph.numberOf(vector))),
    forwardEnd: first === null ? graph.nodes : graph.numberOf(first),
    results: [...outputs, ...enqueues.map((oper) => ({ oper, index: 0 }))].map((output) => graph.numberOf(output)),
  };
}

function replay(backend: NodeBackend, spec: TraceSpec, precision: Precision, journal: Journal): void {
  const { binding } = backend;
  const replayed = new Replay(
    spec.name,
    journal,
    () => binding.newId(),
    (id) => {
      const handle = binding.handle(id);
      return handle
        ? wordOf.constant(handle.dtype, handle.shape, new Uint8Array(binding.eager.bytes(handle)))
        : `tensor ${id}`;
    },
  );
  const variables = spec.variables.flatMap(({ slots }) =>
    inOrder(slots).map(({ variable }) => idOf(backend, variable)),
  );
  const inputs = replayed.begin(spec.inputs.length, variables).map((input) => backend.createOutputTensor(input));
  binding.trace(replayed, precision, () => {
    const { outputs, state, streams } = resultsOf(backend, spec, spec.body(inputs));
    replayed.end([...outputs, ...state, ...streams.flat()]);
  });
}

function inOrder(slots: FlatVariables["slots"]): FlatVariables["slots"] {
  return slots.toSorted((a, b) => a.offset - b.offset);
}

/** Ids of all that a body gave back, and of what it assigned. */
function resultsOf(backend: NodeBackend, spec: TraceSpec, { streams, outputs }: ReturnType<TraceSpec["body"]>) {
  return {
    outputs: outputs.map((tensor) => idOf(backend, tensor)),
    state: spec.assigned.map((variable) => idOf(backend, variable)),
    streams: streams.map((tensors) => tensors.map((tensor) => idOf(backend, tensor))),
  };
}

/** All of tfjs's variables that are no input of the function: their values would be frozen into it. */
function foreignVariables(tf: typeof tfjs, backend: NodeBackend, spec: TraceSpec): Map<number, string> {
  const own = new Set(spec.variables.flatMap(({ slots }) => slots.map(({ variable }) => variable)));
  return new Map(
    Object.values(tf.engine().registeredVariables)
      .filter((variable) => !own.has(variable))
      .map((variable) => [idOf(backend, variable), variable.name]),
  );
}

/** The binding's id of a tensor, which is uploaded now if it was not yet. */
function idOf(backend: NodeBackend, tensor: tfjs.TensorInfo): number {
  return backend.getInputTensorIds([tensor])[0]!;
}

function toFloat(graph: Graph, output: Output): Output {
  return graph.cast(output, graph.dtypeOf(output), DTYPE.float);
}
