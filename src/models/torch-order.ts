/** How parameters lie in PyTorch and here: kernels OIHW and HWIO, dense kernels [out, in] and [in, out]. Pure. */
import type { Shape } from "./shapes.js";

/** `flattened`: a dense kernel whose inputs were flattened channel by channel there, place by place here. */
export type TorchOrder = { kind: "same" } | { kind: "oihw" } | { kind: "linear" } | { kind: "flattened"; maps: Shape };

interface Values {
  shape: readonly number[];
  data: Float32Array;
}

/** A parameter of PyTorch's, in our order. */
export function fromTorch({ shape, data }: Values, order: TorchOrder): Values {
  switch (order.kind) {
    case "same":
      return { shape, data };
    case "oihw": {
      const [out = 0, channels = 0, height = 0, width = 0] = shape;
      const ours = [height, width, channels, out] as const;
      return { shape: ours, data: gathered(data, ours, [width, 1, height * width, channels * height * width]) };
    }
    case "linear": {
      const [out = 0, inputs = 0] = shape;
      return { shape: [inputs, out], data: gathered(data, [1, 1, inputs, out], [0, 0, 1, inputs]) };
    }
    case "flattened": {
      const [height, width, channels] = order.maps as [number, number, number];
      const [out = 0, inputs = 0] = shape;
      if (inputs !== height * width * channels) return { shape: [inputs, out], data }; // fits no parameter: the comparison of shapes refuses it
      const strides = [width, 1, height * width, inputs] as const;
      return { shape: [inputs, out], data: gathered(data, [height, width, channels, out], strides) };
    }
  }
}

/** A parameter of ours, in PyTorch's order. */
export function toTorch({ shape, data }: Values, order: TorchOrder): Values {
  switch (order.kind) {
    case "same":
      return { shape, data };
    case "oihw": {
      const [height = 0, width = 0, channels = 0, out = 0] = shape;
      const theirs = [out, channels, height, width] as const;
      return { shape: theirs, data: gathered(data, theirs, [1, out, width * channels * out, channels * out]) };
    }
    case "linear": {
      const [inputs = 0, out = 0] = shape;
      return { shape: [out, inputs], data: gathered(data, [1, 1, out, inputs], [0, 0, 1, out]) };
    }
    case "flattened": {
      const [height, width, channels] = order.maps as [number, number, number];
      const [inputs = 0, out = 0] = shape;
      const strides = [1, out, width * channels * out, channels * out] as const;
      return { shape: [out, inputs], data: gathered(data, [out, channels, height, width], strides) };
    }
  }
}

type Four = readonly [number, number, number, number];

/** A new array of that shape, whose element at each place is the one that `strides` lead to. */
function gathered(data: Float32Array, shape: Four, strides: Four): Float32Array {
  const [a, b, c, d] = shape;
  const [strideA, strideB, strideC, strideD] = strides;
  const result = new Float32Array(data.length);
  let at = 0;
  for (let i = 0; i < a; i++)
    for (let j = 0; j < b; j++)
      for (let k = 0; k < c; k++) {
        let from = i * strideA + j * strideB + k * strideC;
        for (let l = 0; l < d; l++, from += strideD) result[at++] = data[from]!;
      }
  return result;
}
