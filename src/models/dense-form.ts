/** A network for images of one size as one for larger images: Simonyan & Zisserman 2015, section 3.2. */
import { UsageError } from "../errors.js";
import { inputsOf, shapesOf } from "./shapes.js";
import type { ImageShape, LayerSpec, ModelSpec } from "./spec.js";

/** Layers that bring every image to one size: a larger one would lose what dense evaluation is for. */
const FITTING: ReadonlySet<LayerSpec["kind"]> = new Set(["padTo", "resize", "resizeWithPad"]);

/**
 * Dense layers after `flatten` become convolutions with the same weights in the same order, the first as large as the
 * maps it flattened, the rest 1x1; the class map is averaged. A network with global average pooling is its own dense
 * form, since a linear layer of a mean is the mean of a linear layer. UsageError `dense` where there is no such form, and
 * for an image that is smaller than the network's.
 */
export function denseForm(spec: ModelSpec, input: ImageShape): ModelSpec {
  const refuse = (why: string) => new UsageError("dense", `--dense: ${spec.name} ${why}. Evaluate without --dense.`);
  const [height, width, channels] = spec.input;
  if (input[0] < height || input[1] < width || input[2] !== channels)
    throw refuse(`takes images of ${spec.input.join("x")} or larger; these are ${input.join("x")}`);
  const fitting = spec.layers.find(({ kind }) => FITTING.has(kind));
  if (fitting) throw refuse(`brings every image to one size itself (layer ${fitting.name}: ${fitting.kind})`);
  const at = spec.layers.findIndex(({ kind }) => kind === "flatten");
  if (at < 0 && !spec.layers.some(({ kind }) => kind === "globalAvgPool"))
    throw refuse("has neither dense layers after a flatten nor a global average pooling");
  if (at < 0) return { ...spec, input };
  const maps = shapesOf(spec).get(inputsOf(spec.layers, at)[0]!)!;
  if (maps.length !== 3 || maps[0] !== maps[1])
    throw refuse(`flattens maps of ${maps.join("x")}, and only square ones have a square kernel`);
  return {
    ...spec,
    input,
    layers: [...spec.layers.slice(0, at), ...head(spec, at, maps[0]!, refuse)],
    output: AVERAGE,
  };
}

const AVERAGE = "class_map_average";

function head(spec: ModelSpec, flatten: number, side: number, refuse: (why: string) => UsageError): LayerSpec[] {
  const flat = spec.layers[flatten]!;
  let first = true;
  const before = inputsOf(spec.layers, flatten)[0]!;
  const moved = (layer: LayerSpec, index: number): LayerSpec[] => {
    const inputs = inputsOf(spec.layers, flatten + index).map((name) => (name === flat.name ? before : name));
    switch (layer.kind) {
      case "flatten":
        if (index > 0) throw refuse("flattens twice");
        return [];
      case "dense": {
        const { units, kind: _, ...rest } = layer;
        const kernel = first ? side : 1;
        first = false;
        return [{ ...rest, inputs, kind: "conv2d", filters: units, kernel, padding: "valid" }];
      }
      case "dropout":
      case "activation":
      case "batchNorm":
      case "lrn":
        return [{ ...layer, inputs }];
      default:
        throw refuse(`has a ${layer.kind} (${layer.name}) among its dense layers`);
    }
  };
  const layers = spec.layers.slice(flatten).flatMap(moved);
  return [...layers, { kind: "globalAvgPool", name: AVERAGE, inputs: [spec.output] }];
}
