/** One layer of a table as Keras layers: one where Keras has it, else several, of which the last has the layer's name. */
import { UsageError } from "../errors.js";
import type { Shape } from "../models/shapes.js";
import type { Activation, LayerSpec } from "../models/spec.js";
import type { Dialect, ExportLayer, Weight } from "./graph.js";
import { coefficientKernel, connectedKernel, denseKernel, groupedKernel, shortcutKernel } from "./kernels.js";

export interface LayerFacts {
  inputs: readonly string[];
  shapes: readonly Shape[];
  /** Nothing below 0 comes in: only then do zeros around an image leave a maximum as it is. */
  nonNegative: boolean;
  values: (part: string) => Float32Array;
  dialect: Dialect;
}
interface Expanded {
  layers: ExportLayer[];
  /** Nothing below 0 comes out. */
  nonNegative: boolean;
}

type Step = Omit<ExportLayer, "name" | "inputs">;
const step = (className: string, config: ExportLayer["config"] = {}, weights: readonly Weight[] = []): Step => ({
  className,
  config,
  weights,
});
const frozen = { trainable: false } as const;

export function layersOf(layer: LayerSpec, facts: LayerFacts): Expanded {
  const { name } = layer;
  const shape = facts.shapes[0]!;
  const channels = shape.at(-1)!;
  const weight = (part: string, dims: readonly number[]): Weight => ({
    name: part,
    shape: dims,
    data: facts.values(part),
  });
  const chain = (steps: readonly Step[], nonNegative = false): Expanded => ({
    layers: chained(name, facts.inputs, steps),
    nonNegative,
  });
  switch (layer.kind) {
    case "conv2d":
      return chain(
        [
          ...around(layer.padding),
          ...convolution(layer, channels, weight, facts.dialect),
          ...activation(layer.activation),
        ],
        isNonNegative(layer.activation),
      );
    case "dense":
      return chain(
        [
          step("Dense", { units: layer.units, use_bias: layer.bias }, [
            weight("kernel", [channels, layer.units]),
            ...(layer.bias ? [weight("bias", [layer.units])] : []),
          ]),
          ...activation(layer.activation),
        ],
        isNonNegative(layer.activation),
      );
    case "maxPool":
      if (typeof layer.padding === "number" && layer.padding > 0 && !facts.nonNegative)
        throw new UsageError(
          "export",
          `layer ${name}: a maximum over a padded image of any sign has no layer in Keras or tfjs. Export as safetensors.`,
        );
      return chain([...around(layer.padding), pool("MaxPooling2D", layer)], facts.nonNegative);
    case "avgPool":
      return chain([...around(layer.padding), pool("AveragePooling2D", layer)], facts.nonNegative);
    case "adaptiveAvgPool":
      // Only auxiliary classifiers have one, and those stay behind.
      throw new RangeError(`layer ${name}: an adaptive pool has no layer in Keras or tfjs`);
    case "globalAvgPool":
      return chain([step("GlobalAveragePooling2D")], facts.nonNegative);
    case "flatten":
      return chain([step("Flatten")], facts.nonNegative);
    case "activation":
      return chain(activation(layer.activation), isNonNegative(layer.activation));
    case "batchNorm":
      return chain([
        step(
          "BatchNormalization",
          { axis: -1, momentum: layer.momentum, epsilon: layer.epsilon },
          ["gamma", "beta", "moving_mean", "moving_variance"].map((part) => weight(part, [channels])),
        ),
      ]);
    case "dropout":
      return chain([step("Dropout", { rate: layer.rate })], facts.nonNegative);
    case "affine":
      return chain([rescaled(layer, channels)]);
    case "padTo":
      return chain([padded(shape, layer)], facts.nonNegative);
    case "resize":
      return chain([resized(layer, facts.dialect)], facts.nonNegative);
    case "resizeWithPad": {
      const scale = Math.min(layer.height / shape[0]!, layer.width / shape[1]!);
      const inner = { height: Math.round(shape[0]! * scale), width: Math.round(shape[1]! * scale) };
      const whole = [inner.height, inner.width, channels];
      return chain([resized(inner, facts.dialect), padded(whole, layer)], facts.nonNegative);
    }
    case "add":
      return chain([step("Add")], facts.nonNegative);
    case "concat":
      return chain([step("Concatenate", { axis: -1 })], facts.nonNegative);
    case "lrn":
      return chain(
        [step("LRN", { size: layer.size, k: layer.k, alpha: layer.alpha, beta: layer.beta })],
        facts.nonNegative,
      );
    case "subsample": {
      const kernel = coefficientKernel(facts.values("coefficient"), layer.size);
      const config = { kernel_size: [layer.size, layer.size], strides: [layer.size, layer.size], padding: "valid" };
      return chain([
        step("DepthwiseConv2D", config, [
          { ...kernel, name: depthwiseName(facts.dialect) },
          weight("bias", [channels]),
        ]),
      ]);
    }
    case "paddedShortcut": {
      const kernel = shortcutKernel(channels, layer.channels);
      const config = {
        filters: layer.channels,
        kernel_size: [1, 1],
        strides: [layer.stride, layer.stride],
        use_bias: false,
      };
      return chain([step("Conv2D", { ...config, ...frozen }, [kernel])], facts.nonNegative);
    }
    case "rbf":
      return { layers: radialBasis(name, facts.inputs[0]!, layer.codes), nonNegative: false };
  }
}

/** One after the other; the last gets the layer's own name. */
function chained(name: string, inputs: readonly string[], steps: readonly Step[]): ExportLayer[] {
  let feeds = inputs;
  return steps.map((each, index) => {
    const own = index === steps.length - 1 ? name : `${name}_${each.className.toLowerCase()}_${index}`;
    const built = { ...each, name: own, inputs: feeds };
    feeds = [own];
    return built;
  });
}

function around(padding: number | string): Step[] {
  if (typeof padding !== "number" || padding === 0) return [];
  return [
    step("ZeroPadding2D", {
      padding: [
        [padding, padding],
        [padding, padding],
      ],
    }),
  ];
}

function padded([height, width]: Shape, to: { height: number; width: number }): Step {
  const split = (missing: number) => [Math.floor(missing / 2), Math.ceil(missing / 2)];
  return step("ZeroPadding2D", { padding: [split(to.height - height!), split(to.width - width!)] });
}

function resized({ height, width }: { height: number; width: number }, dialect: Dialect): Step {
  if (dialect === "keras") return step("Resizing", { height, width, interpolation: "bilinear" });
  return step("Resize", { height, width, keepAspect: false });
}

function pool(className: string, { size, stride, padding }: Extract<LayerSpec, { kind: "maxPool" | "avgPool" }>): Step {
  return step(className, { pool_size: [size, size], strides: [stride, stride], padding: paddingName(padding) });
}

/** One number for all is a Rescaling; one for each channel a batch normalisation that was given what it multiplies and adds. */
function rescaled({ multiply, add }: Extract<LayerSpec, { kind: "affine" }>, channels: number): Step {
  if (typeof multiply === "number" && typeof add === "number")
    return step("Rescaling", { scale: multiply, offset: add });
  const weight = (name: string, value: number | readonly number[]): Weight => ({
    name,
    shape: [channels],
    data: typeof value === "number" ? new Float32Array(channels).fill(value) : Float32Array.from(value),
  });
  return step("BatchNormalization", { axis: -1, epsilon: 0, ...frozen }, [
    weight("gamma", multiply),
    weight("beta", add),
    weight("moving_mean", 0),
    weight("moving_variance", 1),
  ]);
}

const paddingName = (padding: number | string) => (padding === "same" ? "same" : "valid");
const depthwiseName = (dialect: Dialect) => (dialect === "keras" ? "kernel" : "depthwise_kernel");

function convolution(
  layer: Extract<LayerSpec, { kind: "conv2d" }>,
  channels: number,
  weight: (part: string, shape: readonly number[]) => Weight,
  dialect: Dialect,
): Step[] {
  const { kernel: side, filters, stride = 1, groups = 1, connections, bias, padding } = layer;
  const native = connections === undefined && (groups === 1 || dialect === "keras");
  const stored = weight("kernel", [side, side, channels / groups, filters]);
  const kernel = connections
    ? connectedKernel(stored.data, side, channels, connections)
    : native
      ? stored
      : groupedKernel(stored.data, side, channels, filters, groups);
  const config = {
    filters,
    kernel_size: [side, side],
    strides: [stride, stride],
    padding: paddingName(padding),
    use_bias: bias,
    ...(native && groups > 1 ? { groups } : {}),
  };
  return [step("Conv2D", config, [kernel, ...(bias ? [weight("bias", [filters])] : [])])];
}

/** By stock parts alone. */
function activation(kind: Activation | undefined): Step[] {
  switch (kind) {
    case undefined:
      return [];
    case "relu":
    case "tanh":
    case "sigmoid":
      return [step("Activation", { activation: kind })];
    case "scaledTanh":
      return [
        step("Rescaling", { scale: 2 / 3, offset: 0 }),
        step("Activation", { activation: "tanh" }),
        step("Rescaling", { scale: 1.7159, offset: 0 }),
      ];
    case "logSigmoid": // -softplus(-x)
      return [
        step("Rescaling", { scale: -1, offset: 0 }),
        step("Activation", { activation: "softplus" }),
        step("Rescaling", { scale: -1, offset: 0 }),
      ];
  }
}

const isNonNegative = (kind: Activation | undefined) => kind === "relu" || kind === "sigmoid";

/** -sum_j (x_j - c_ij)^2 = 2 c_i x - |c_i|^2 - |x|^2. */
function radialBasis(name: string, input: string, codes: readonly (readonly number[])[]): ExportLayer[] {
  const inputs = codes[0]!.length;
  const units = codes.length;
  const product = denseKernel(inputs, units, (input, unit) => 2 * codes[unit]![input]!);
  const bias = Float32Array.from(codes, (code) => -code.reduce((sum, value) => sum + value * value, 0));
  const norm = denseKernel(inputs, units, () => -1);
  const layer = (suffix: string, className: string, feeds: readonly string[], config = {}, weights: Weight[] = []) => ({
    name: suffix === "" ? name : `${name}_${suffix}`,
    className,
    config,
    inputs: feeds,
    weights,
  });
  return [
    layer("product", "Dense", [input], { units, use_bias: true, ...frozen }, [
      product,
      { name: "bias", shape: [units], data: bias },
    ]),
    layer("same", "Activation", [input], { activation: "linear" }), // tfjs disposes of what one layer takes twice
    layer("square", "Multiply", [input, `${name}_same`]),
    layer("norm", "Dense", [`${name}_square`], { units, use_bias: false, ...frozen }, [norm]),
    layer("", "Add", [`${name}_product`, `${name}_norm`]),
  ];
}
