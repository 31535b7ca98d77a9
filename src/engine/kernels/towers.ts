/**
 * What crosses from device to device in a network of towers, each with a gradient whose ops have devices too. A tower is
 * the part of a network that device t holds: of an image, some channels; of a vector, some units; always the last axis.
 */
import type * as tfjs from "@tensorflow/tfjs";
import { intAttribute, typeAttribute } from "../native/attributes.js";
import type { NodeBackend } from "../native/backend.js";
import { DTYPE } from "../native/dtype.js";
import type { DevicePlace } from "../native/place.js";

/** Channels from `start` up to, but not including, `end`. */
export type Range = readonly [start: number, end: number];

export interface TowerOps {
  /** A variable [..., n] on the host in parts of `sizes`, part t on device t. Its gradient is put together on the host. */
  scatter(whole: tfjs.Tensor, sizes: readonly number[]): tfjs.Tensor[];
  /**
   * For each device t of which `windows[t]` is not null, those channels of all parts, in order, on device t: what it has
   * itself stays, the rest crosses. Gradients go back the same way, and are added in the order of the devices.
   */
  gather(parts: readonly tfjs.Tensor[], windows: readonly (Range | null)[]): tfjs.Tensor[];
  /** Tells with each call of the traced function when that device had computed the tensor. */
  finished(tensor: tfjs.Tensor, device: number): void;
}

const [SCATTER, GATHER] = ["TowerScatter", "TowerGather"];
const FLOAT = typeAttribute("T", DTYPE.float);

type Named = Record<string, tfjs.Tensor>;

const named = (tensors: readonly tfjs.Tensor[]): Named =>
  Object.fromEntries(tensors.map((tensor, index) => [`part${index}`, tensor]));

export function towerOps(tf: typeof tfjs, backend: NodeBackend): TowerOps {
  const run = (kernel: string, inputs: Named, attributes: object) =>
    [tf.engine().runKernel(kernel, inputs, attributes as tfjs.NamedAttrMap)].flat() as tfjs.Tensor[];
  return {
    scatter: (whole, sizes) => run(SCATTER, { whole }, { sizes }),
    gather: (parts, windows) => run(GATHER, named(parts), { windows, sizes: parts.map(channelsOf) }),
    finished: (tensor, device) => mark(backend, tensor, device, "ends"),
  };
}

interface GatherAttributes {
  windows: readonly (Range | null)[];
  sizes: readonly number[];
}

/** Once a process. */
export function registerTowerKernels(tf: typeof tfjs, backend: NodeBackend): void {
  const at = <R>(place: DevicePlace, body: () => R) => backend.binding.at(place, body);
  const send = (tensor: tfjs.Tensor) => backend.executeSingleOutput("Identity", [FLOAT], [tensor]);
  const split = (tensor: tfjs.Tensor, sizes: readonly number[]) => splitLast(tf, backend, tensor, sizes);
  const concat = (parts: readonly tfjs.Tensor[]) => concatLast(tf, backend, parts);
  const register = <Attributes>(
    kernelName: string,
    run: (inputs: Named, attributes: Attributes) => tfjs.Tensor[],
    gradient: (dys: tfjs.Tensor[], attributes: Attributes) => Record<string, () => tfjs.Tensor>,
  ) => {
    tf.registerKernel({
      kernelName,
      backendName: "tensorflow",
      kernelFunc: ({ inputs, attrs }) => run(inputs as Named, attrs as unknown as Attributes),
    });
    tf.registerGradient({
      kernelName,
      gradFunc: (dy, _saved, attrs) => gradient([dy].flat(), attrs as unknown as Attributes),
    });
  };

  register<{ sizes: readonly number[] }>(
    SCATTER,
    ({ whole }, { sizes }) =>
      at("host", () => split(whole!, sizes)).map((part, device) => at(device, () => send(part))),
    (dys) => {
      dys.forEach((dy, device) => mark(backend, dy, device, "ends"));
      return { whole: () => at("host", () => concat(dys)) };
    },
  );

  register<GatherAttributes>(
    GATHER,
    (inputs, { windows, sizes }) => {
      const parts = Object.values(inputs);
      return windows.flatMap((window, to) => {
        if (window === null) return [];
        const pieces = piecesOf(window, sizes).map(({ device, start, size }) => {
          const part = parts[device]!;
          const piece = size === sizes[device] ? part : at(device, () => sliceLast(tf, part, start, size));
          return device === to ? piece : at(to, () => send(piece));
        });
        const gathered = at(to, () => concat(pieces));
        mark(backend, gathered, to, "begins");
        return [gathered];
      });
    },
    (dys, { windows, sizes }) => {
      const targets = windows.flatMap((window, to) =>
        window === null ? [] : [{ to, pieces: piecesOf(window, sizes) }],
      );
      const gradients = targets.map(({ to, pieces }, index) =>
        at(to, () =>
          split(
            dys[index]!,
            pieces.map(({ size }) => size),
          ),
        ),
      );
      const ofPart = (device: number) => {
        const came = targets.flatMap(({ to, pieces }, index) =>
          pieces.flatMap((piece, number) => {
            if (piece.device !== device) return [];
            const gradient = gradients[index]![number]!;
            const here = to === device ? gradient : at(device, () => send(gradient));
            const after = sizes[device]! - piece.start - piece.size;
            return [at(device, () => padLast(tf, here, piece.start, after))];
          }),
        );
        const gradient = at(device, () => came.reduce((sum, each) => tf.add(sum, each)));
        mark(backend, gradient, device, "begins");
        return gradient;
      };
      return Object.fromEntries(sizes.map((_, device) => [`part${device}`, () => ofPart(device)]));
    },
  );
}

interface Piece {
  device: number;
  /** Within the device's part. */
  start: number;
  size: number;
}

/** Which channels of which parts a window over all of them has. */
export function piecesOf([start, end]: Range, sizes: readonly number[]): Piece[] {
  let offset = 0;
  return sizes.flatMap((size, device) => {
    const [from, to] = [Math.max(start, offset) - offset, Math.min(end, offset + size) - offset];
    offset += size;
    return from < to ? [{ device, start: from, size: to - from }] : [];
  });
}

function mark(backend: NodeBackend, tensor: tfjs.Tensor, device: number, kind: "begins" | "ends"): void {
  backend.binding.mark(backend.getInputTensorIds([tensor])[0]!, device, kind);
}

const channelsOf = ({ shape }: tfjs.Tensor) => shape.at(-1)!;

function splitLast(
  tf: typeof tfjs,
  backend: NodeBackend,
  tensor: tfjs.Tensor,
  sizes: readonly number[],
): tfjs.Tensor[] {
  if (sizes.length === 1) return [tensor.clone()];
  const inputs = [tensor, tf.tensor1d([...sizes], "int32"), tf.scalar(tensor.rank - 1, "int32")];
  const attributes = [intAttribute("num_split", sizes.length), FLOAT, typeAttribute("Tlen", DTYPE.int32)];
  return backend.executeMultipleOutputs("SplitV", attributes, inputs, sizes.length);
}

function concatLast(tf: typeof tfjs, backend: NodeBackend, parts: readonly tfjs.Tensor[]): tfjs.Tensor {
  if (parts.length === 1) return parts[0]!.clone();
  const attributes = [intAttribute("N", parts.length), FLOAT, typeAttribute("Tidx", DTYPE.int32)];
  return backend.executeSingleOutput("ConcatV2", attributes, [...parts, tf.scalar(parts[0]!.rank - 1, "int32")]);
}

function sliceLast(tf: typeof tfjs, tensor: tfjs.Tensor, start: number, size: number): tfjs.Tensor {
  const { shape, rank } = tensor;
  return tf.slice(tensor, [...Array<number>(rank - 1).fill(0), start], [...shape.slice(0, -1), size]);
}

function padLast(tf: typeof tfjs, tensor: tfjs.Tensor, before: number, after: number): tfjs.Tensor {
  if (before === 0 && after === 0) return tensor;
  return tf.pad(
    tensor,
    tensor.shape.map((_, axis): [number, number] => (axis === tensor.rank - 1 ? [before, after] : [0, 0])),
  );
}
