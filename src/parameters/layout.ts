/** How a network's parameters lie in memory and travel. Pure; coordinator and worker derive the same layout. */

/** Where a parameter's first values come from; `fanIn` and `fanOut` follow He 2015 and Glorot 2010. */
export type Initializer =
  | { kind: "zeros" }
  | { kind: "ones" }
  | { kind: "constant"; value: number }
  | { kind: "normal"; stddev: number }
  | { kind: "uniform"; limit: number };

export interface ParameterSpec {
  /** Unique, `layer/kernel` and so on; the name in checkpoints. */
  name: string;
  shape: readonly number[];
  /** `state` is assigned by a step (moving statistics), never by the optimizer. */
  role: "trainable" | "state";
  init: Initializer;
  /** False for biases and batch normalisation's scale and offset, which a recipe may exclude from weight decay. */
  decay: boolean;
}

/** One parameter's place in its flat float32 vector: `weights` for trainable ones, `state` for the rest. */
export interface Slot extends ParameterSpec {
  size: number;
  /** In elements, from the start of the flat vector. */
  offset: number;
}

/** Parameters that travel together: elements `offset` to `offset + size` of `weights`. */
export interface Bucket {
  index: number;
  offset: number;
  size: number;
  slots: readonly Slot[];
}

export interface Layout {
  /** In the network's order: the order of hashes and of checkpoint files. */
  trainable: readonly Slot[];
  state: readonly Slot[];
  /** In reverse layer order, since the last layer's gradients are the first to exist. */
  buckets: readonly Bucket[];
  /** Elements of the flat trainable vector, with those between two buckets. */
  size: number;
  /** Elements of the trainable parameters. */
  parameters: number;
  /** Elements of the flat state vector. */
  stateSize: number;
}

export const BUCKET_BYTES = 4 * 1024 * 1024;

/** Elements, 64 bytes: TensorFlow reads a vector in place only from such an address. */
const ALIGNMENT = 16;
/** Elements behind a bucket that vectorised arithmetic may overwrite. */
const SLACK = 4;

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/**
 * Lays out parameters, given in the network's order. A bucket closes once it holds `bucketBytes` or more; a single
 * parameter is never split. The trainable vector is the buckets one after the other, so it runs in reverse layer order;
 * each begins at a multiple of 16 elements, and the elements between two of them are nobody's.
 */
export function layoutOf(parameters: readonly ParameterSpec[], bucketBytes: number = BUCKET_BYTES): Layout {
  const names = new Set<string>();
  for (const { name } of parameters) {
    if (names.has(name)) throw new RangeError(`two parameters are named ${name}; names must be unique`);
    names.add(name);
  }
  const buckets: Bucket[] = [];
  const placed = new Map<string, Slot>();
  let offset = 0;
  let open: Slot[] = [];
  const close = () => {
    const first = open[0];
    if (!first) return;
    buckets.push({ index: buckets.length, offset: first.offset, size: offset - first.offset, slots: open });
    offset = Math.ceil((offset + SLACK) / ALIGNMENT) * ALIGNMENT;
    open = [];
  };
  const trainable = parameters.filter((parameter) => parameter.role === "trainable");
  for (const parameter of trainable.toReversed()) {
    const slot = { ...parameter, size: sizeOf(parameter.shape), offset };
    placed.set(parameter.name, slot);
    open.push(slot);
    offset += slot.size;
    if ((offset - open[0]!.offset) * 4 >= bucketBytes) close();
  }
  close();
  let stateSize = 0;
  const state: Slot[] = [];
  for (const parameter of parameters.filter((each) => each.role === "state")) {
    const size = sizeOf(parameter.shape);
    state.push({ ...parameter, size, offset: stateSize });
    stateSize += size;
  }
  return {
    trainable: trainable.map(({ name }) => placed.get(name)!),
    state,
    buckets,
    size: offset,
    parameters: buckets.reduce((sum, { size }) => sum + size, 0),
    stateSize,
  };
}
