/**
 * A network whose table names towers, as Krizhevsky et al. 2012 split AlexNet (section 3.2, figure 2): which channels of
 * each layer a tower computes, which it reads of the layer before, and so what crosses between two devices. Pure.
 */
import { inputsOf, type Shape, shapesOf } from "./shapes.js";
import type { LayerSpec, ModelSpec } from "./spec.js";

/** Channels (of a vector, units) from `start` up to, but not including, `end`. */
export type Channels = readonly [start: number, end: number];

export interface TowerLayer {
  layer: LayerSpec;
  /** Of the layer before: what each tower has of it, and what each must have to compute its own channels. */
  has: readonly Channels[];
  reads: readonly Channels[];
  /** Of this layer, what each tower computes. Towers that compute all of it do so without asking each other. */
  makes: readonly Channels[];
}

/** Channels in as equal parts as whole numbers allow, the larger ones first. */
export function partsOf(channels: number, towers: number): Channels[] {
  const parts: Channels[] = [];
  for (let tower = 0, start = 0; tower < towers; tower++) {
    const end = start + Math.ceil((channels - start) / (towers - tower));
    parts.push([start, end]);
    start = end;
  }
  return parts;
}

export const sizeOfChannels = ([start, end]: Channels): number => end - start;

/** Layer by layer, in the table's order, which must be a chain. RangeError for a layer that towers cannot share. */
export function towerLayers(spec: ModelSpec): TowerLayer[] {
  const { towers = 1, input, layers } = spec;
  const shapes = shapesOf(spec);
  let has = Array.from({ length: towers }, (): Channels => [0, input[2]]);
  return layers.map((layer, index): TowerLayer => {
    const [before] = inputsOf(layers, index);
    if (before !== (layers[index - 1]?.name ?? ""))
      throw new RangeError(`${spec.name}: layer ${layer.name} takes ${before}; towers are for a chain of layers`);
    const channels = shapes.get(before)!.at(-1)!;
    const share = shareOf(layer, { model: spec.name, has, channels, output: shapes.get(layer.name)!.at(-1)! });
    const shared = { layer, has, ...share };
    has = share.makes;
    return shared;
  });
}

function shareOf(
  layer: LayerSpec,
  { model, has, channels, output }: { model: string; has: Channels[]; channels: number; output: number },
): { reads: Channels[]; makes: Channels[] } {
  const towers = has.length;
  const all = has.map((): Channels => [0, channels]);
  switch (layer.kind) {
    case "conv2d": {
      const { groups = 1, connections } = layer;
      if (connections !== undefined || (groups !== 1 && groups !== towers))
        throw new RangeError(
          `${model}: layer ${layer.name}: ${towers} towers can share a convolution of 1 or ${towers} groups`,
        );
      return { reads: groups === 1 ? all : partsOf(channels, towers), makes: partsOf(output, towers) };
    }
    case "dense":
      return { reads: all, makes: partsOf(output, towers) };
    case "flatten":
      return { reads: all, makes: has.map((): Channels => [0, output]) };
    case "lrn": {
      const reach = (layer.size - 1) / 2;
      const around = ([start, end]: Channels): Channels => [
        Math.max(0, start - reach),
        Math.min(channels, end + reach),
      ];
      return { reads: has.map(around), makes: has };
    }
    case "maxPool":
    case "avgPool":
    case "adaptiveAvgPool":
    case "globalAvgPool":
    case "activation":
    case "dropout":
    case "resize":
    case "resizeWithPad":
    case "padTo":
      return { reads: has, makes: has };
    default:
      throw new RangeError(`${model}: layer ${layer.name}: towers cannot share a ${layer.kind}`);
  }
}

/** A tensor that one device has made and another one needs, for one image. */
export interface LayerCrossing {
  /** The layer that needs it; "" for what needs the network's output. */
  layer: string;
  from: number;
  to: number;
  bytes: number;
  backward: boolean;
}

/**
 * What crosses for one image and step, in the order in which a step needs it: forward from layer to layer, then backward,
 * where the gradient of what came goes back the way it came.
 */
export function towerCrossings(spec: ModelSpec): LayerCrossing[] {
  const { towers = 1 } = spec;
  if (towers === 1) return [];
  const layers = towerLayers(spec);
  const shapes = shapesOf(spec);
  const last = layers.at(-1)!;
  const outputs = shapes.get(last.layer.name)!.at(-1)!;
  const gathers = [
    ...layers.map(({ layer, has, reads }, index) => ({
      layer: layer.name,
      has,
      reads: reads as readonly (Channels | null)[],
      shape: shapes.get(inputsOf(spec.layers, index)[0]!)!,
    })),
    {
      layer: "",
      has: last.makes,
      reads: last.makes.map((_, tower): Channels | null => (tower === 0 ? [0, outputs] : null)),
      shape: shapes.get(last.layer.name)!,
    },
  ];
  const forward = gathers.map(crossingsOf);
  // A part's gradient is put together part by part, from tower to tower.
  const backward = forward.toReversed().map((list) => list.toSorted((a, b) => a.from - b.from || a.to - b.to));
  return [
    ...forward.flat(),
    ...backward.flat().map(({ from, to, ...rest }) => ({ ...rest, from: to, to: from, backward: true })),
  ];
}

function crossingsOf({
  layer,
  has,
  reads,
  shape,
}: {
  layer: string;
  has: readonly Channels[];
  reads: readonly (Channels | null)[];
  shape: Shape;
}): LayerCrossing[] {
  const pixels = shape.slice(0, -1).reduce((product, dim) => product * dim, 1);
  return reads.flatMap((window, to) => {
    if (window === null || (has[to]![0] <= window[0] && window[1] <= has[to]![1])) return [];
    return has.flatMap((part, from): LayerCrossing[] => {
      const size = Math.min(part[1], window[1]) - Math.max(part[0], window[0]);
      return from === to || size <= 0 ? [] : [{ layer, from, to, bytes: 4 * pixels * size, backward: false }];
    });
  });
}
