/** First values from a file instead of the seed, by name. Pure. */
import { UsageError } from "../errors.js";
import type { Layout, Slot } from "../parameters/layout.js";
import { inputsOf } from "./shapes.js";
import type { ModelSpec } from "./spec.js";
import { fromTorch, type TorchParameter, torchvisionParameters } from "./torchvision.js";

interface Tensor {
  name: string;
  shape: readonly number[];
  data: Float32Array;
}
export interface WarmStart {
  /** Whose names the file has. */
  names: "cnn-dist" | "torchvision";
  /** Parameters and moving statistics that the network has, and those that the file gave. */
  total: number;
  loaded: number;
  /** Those that keep their seeded values, with the reason. */
  kept: readonly { name: string; reason: string }[];
}

/**
 * Overwrites `values` by the file's. `strict`: the file must have every parameter in the network's shape and nothing else,
 * but the layer of the classes may be of another size. UsageError `init-weights` lists what does not fit; `values` are then
 * as they were.
 */
export function warmStart(
  spec: ModelSpec,
  layout: Layout,
  values: { weights: Float32Array; state: Float32Array },
  file: { path: string; tensors: readonly Tensor[] },
  mode: "strict" | "partial",
): WarmStart {
  const { tensors, names, extra } = byOurNames(spec, file);
  const classes = classLayers(spec);
  const fits: { slot: Slot; vector: Float32Array; data: Float32Array }[] = [];
  const kept: { name: string; reason: string; ofClasses: boolean }[] = [];
  for (const [slots, vector] of [
    [layout.trainable, values.weights],
    [layout.state, values.state],
  ] as const) {
    for (const slot of slots) {
      const found = tensors.get(slot.name);
      if (found?.shape.join() === slot.shape.join()) fits.push({ slot, vector, data: found.data });
      else
        kept.push({
          name: slot.name,
          reason: found ? `the file's is [${found.shape}], the network's [${slot.shape}]` : "the file has none",
          ofClasses: found !== undefined && classes.has(slot.name.slice(0, slot.name.lastIndexOf("/"))),
        });
      tensors.delete(slot.name);
    }
  }
  const wrong = kept.filter(({ ofClasses }) => !ofClasses);
  const unused = [...tensors.keys(), ...extra];
  const refuse = (what: string) =>
    new UsageError("init-weights", `--init-weights ${file.path} does not fit ${spec.name}: ${what}`);
  if (mode === "strict" && wrong.length + unused.length > 0)
    throw refuse(
      `${[
        ...listed(
          wrong.map(({ name, reason }) => `${name} (${reason})`),
          "not in it, or of another shape",
        ),
        ...listed(unused, "in it, and not in the network"),
      ].join("; ")}. Give the file of this network, or --init-weights-mode partial to take what fits.`,
    );
  if (fits.length === 0) throw refuse("none of its tensors has a name and a shape of the network's.");
  for (const { slot, vector, data } of fits) vector.set(data, slot.offset);
  return {
    names,
    total: fits.length + kept.length,
    loaded: fits.length,
    kept: kept.map(({ name, reason }) => ({ name, reason })),
  };
}

/** The file's tensors under our names; `extra`: those that have none, and belong to nothing that can be left out. */
function byOurNames(
  spec: ModelSpec,
  { path, tensors }: { path: string; tensors: readonly Tensor[] },
): { tensors: Map<string, Tensor>; names: WarmStart["names"]; extra: string[] } {
  if (tensors.some(({ name }) => name.includes("/")))
    return { tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])), names: "cnn-dist", extra: [] };
  const known = torchvisionParameters(spec);
  const theirs = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  if (!known?.some(({ torch }) => theirs.has(torch)))
    throw new UsageError(
      "init-weights",
      `--init-weights ${path}: its names (${some(tensors.map(({ name }) => name))}) are neither ours (layer/kernel) nor ${known ? "torchvision's for this network" : `torchvision's, which has no ${spec.name}`}. Rename them as 'weights.safetensors' of a checkpoint has them.`,
    );
  const converted = new Map<string, Tensor>();
  for (const { name, torch, order } of known as TorchParameter[]) {
    const tensor = theirs.get(torch);
    if (tensor) converted.set(name, { name, ...fromTorch(tensor, order) });
    theirs.delete(torch);
  }
  const headless = spec.auxiliary === undefined;
  const extra = [...theirs.keys()].filter((name) => !NOT_WEIGHTS.test(name) && !(headless && AUXILIARY.test(name)));
  return { tensors: converted, names: "torchvision", extra };
}

/** A counter of batches, which nothing needs. */
const NOT_WEIGHTS = /\.num_batches_tracked$/;
/** torchvision's auxiliary heads, for a network that was asked to have none. */
const AUXILIARY = /^aux[12]\./;

/** The layers whose size is the number of classes: of the logits and of each auxiliary classifier. */
function classLayers(spec: ModelSpec): ReadonlySet<string> {
  const layerOf = (name: string): string => {
    const at = spec.layers.findIndex((layer) => layer.name === name);
    const { kind } = spec.layers[at]!;
    return kind === "activation" || kind === "affine" ? layerOf(inputsOf(spec.layers, at)[0]!) : name;
  };
  return new Set([spec.output, ...(spec.auxiliary ?? []).map(({ output }) => output)].map(layerOf));
}

const SHOWN = 8;

function listed(names: readonly string[], what: string): string[] {
  return names.length === 0 ? [] : [`${names.length} ${what}: ${some(names)}`];
}

function some(names: readonly string[]): string {
  return names.length <= SHOWN
    ? names.join(", ")
    : `${names.slice(0, SHOWN).join(", ")} and ${names.length - SHOWN} more`;
}
