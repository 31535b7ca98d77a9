/** A network of towers (models/towers.ts) as layers of several outputs, one a tower. */
import type * as tfjs from "@tensorflow/tfjs";
import type { Engine } from "../engine/engine.js";
import { shapesOf } from "../models/shapes.js";
import type { LayerSpec, ModelSpec } from "../models/spec.js";
import { towerLayers } from "../models/towers.js";
import { hasWeights, towerClasses } from "./custom/tower.js";

/** The network's output, whole on the first tower's device, by its name. `made`: a layer as it is without towers. */
export function towerTensors(
  engine: Engine,
  spec: ModelSpec,
  input: tfjs.SymbolicTensor,
  made: (layer: LayerSpec) => tfjs.layers.Layer,
): ReadonlyMap<string, tfjs.SymbolicTensor> {
  const { tower, whole } = towerClasses(engine);
  const shapes = shapesOf(spec);
  const shares = towerLayers(spec);
  let parts: tfjs.SymbolicTensor[] = shares[0]!.has.map(() => input);
  for (const share of shares) {
    const { layer } = share;
    const shape = shapes.get(layer.name)!;
    parts = [
      tower({ ...share, shape, plain: hasWeights(layer) ? null : made(layer) }).apply(parts),
    ].flat() as tfjs.SymbolicTensor[];
  }
  return new Map([[spec.output, whole(`${spec.output}_whole`).apply(parts) as tfjs.SymbolicTensor]]);
}
