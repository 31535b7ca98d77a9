/** Kernels of stock layers that do what ours do: mostly zeros, in the places where ours have no weight. Pure. */
import type { Weight } from "./graph.js";

/** [side, side, C] of single connections, filter by filter, as [side, side, channels, filters]. */
export function connectedKernel(
  data: Float32Array,
  side: number,
  channels: number,
  connections: readonly (readonly number[])[],
): Weight {
  const filters = connections.length;
  const pairs = connections.flatMap((seen, filter) => seen.map((channel) => ({ filter, channel })));
  const kernel = new Float32Array(side * side * channels * filters);
  for (let place = 0; place < side * side; place++)
    pairs.forEach(({ filter, channel }, index) => {
      kernel[(place * channels + channel) * filters + filter] = data[place * pairs.length + index]!;
    });
  return { name: "kernel", shape: [side, side, channels, filters], data: kernel };
}

/** [side, side, channels / groups, filters] with zeros between the groups. */
export function groupedKernel(
  data: Float32Array,
  side: number,
  channels: number,
  filters: number,
  groups: number,
): Weight {
  const seen = channels / groups;
  const kernel = new Float32Array(side * side * channels * filters);
  for (let place = 0; place < side * side; place++)
    for (let channel = 0; channel < seen; channel++)
      for (let filter = 0; filter < filters; filter++) {
        const first = Math.floor((filter * groups) / filters) * seen;
        kernel[(place * channels + first + channel) * filters + filter] =
          data[(place * seen + channel) * filters + filter]!;
      }
  return { name: "kernel", shape: [side, side, channels, filters], data: kernel };
}

/** Of a depthwise convolution that multiplies a channel's sum over size x size by its coefficient. */
export function coefficientKernel(coefficients: Float32Array, size: number): Weight {
  const channels = coefficients.length;
  const kernel = Float32Array.from({ length: size * size * channels }, (_, index) => coefficients[index % channels]!);
  return { name: "kernel", shape: [size, size, channels, 1], data: kernel };
}

/** 1x1, each channel to the one of its number, the rest zeros. */
export function shortcutKernel(channels: number, filters: number): Weight {
  const { data } = denseKernel(channels, filters, (input, output) => (input === output ? 1 : 0));
  return { name: "kernel", shape: [1, 1, channels, filters], data };
}

/** A dense kernel [inputs, units] by a formula. */
export function denseKernel(inputs: number, units: number, value: (input: number, unit: number) => number): Weight {
  const data = Float32Array.from({ length: inputs * units }, (_, index) =>
    value(Math.floor(index / units), index % units),
  );
  return { name: "kernel", shape: [inputs, units], data };
}
