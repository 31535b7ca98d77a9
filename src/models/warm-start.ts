/** Values from a file instead of the seed, by name. Pure. */
import { UsageError } from "../errors.js";
import type { Layout, Slot } from "../parameters/layout.js";
import { inputsOf } from "./shapes.js";
import type { ModelSpec } from "./spec.js";
import { fromTorch } from "./torch-order.js";
import { namesOf, networksNamed, TORCH_AUXILIARY, TORCH_COUNTER, torchvisionParameters } from "./torchvision.js";
import { withoutAuxiliary } from "./without-auxiliary.js";

interface Tensor {
  name: string;
  shape: readonly number[];
  data: Float32Array;
}
export interface WeightsFile {
  /** How an error calls it: the option and the path. */
  called: string;
  tensors: readonly Tensor[];
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
 * `strict`: the file must have every parameter in the network's shape and nothing else, but the layer of the classes may be
 * of another size. `whole`: that layer too must fit. `partial`: what does not fit keeps its value.
 */
export type LoadMode = "strict" | "whole" | "partial";

/**
 * Overwrites `values` by the file's. UsageError `init-weights` lists what does not fit; `values` are then as they were.
 */
export function warmStart(
  spec: ModelSpec,
  layout: Layout,
  values: { weights: Float32Array; state: Float32Array },
  file: WeightsFile,
  mode: LoadMode,
): WarmStart {
  const { tensors, extra } = byOurNames(spec, file);
  const classes = mode === "whole" ? new Set<string>() : classLayers(spec);
  const fits: { slot: Slot; vector: Float32Array; data: Float32Array }[] = [];
  const kept: Kept[] = [];
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
          missing: found === undefined,
          ofClasses: found !== undefined && classes.has(layerOf(slot.name)),
        });
      tensors.delete(slot.name);
    }
  }
  const wrong = kept.filter(({ ofClasses }) => !ofClasses);
  const unused = [...tensors.keys(), ...extra];
  const refuse = (what: string) => new UsageError("init-weights", `${file.called} does not fit ${spec.name}: ${what}`);
  if (mode !== "partial" && wrong.length + unused.length > 0)
    throw refuse(
      `${[
        ...listed(
          wrong.map(({ name, reason }) => `${name} (${reason})`),
          "not in it, or of another shape",
        ),
        ...listed(unused, "in it, and not in the network"),
      ].join("; ")}. ${adviceFor(spec, file, wrong, unused, mode)}`,
    );
  if (fits.length === 0) throw refuse("none of its tensors has a name and a shape of the network's.");
  for (const { slot, vector, data } of fits) vector.set(data, slot.offset);
  return {
    names: namesOf(file.tensors),
    total: fits.length + kept.length,
    loaded: fits.length,
    kept: kept.map(({ name, reason }) => ({ name, reason })),
  };
}

interface Kept {
  name: string;
  reason: string;
  missing: boolean;
  /** Of the layer of the classes, which may be of another size. */
  ofClasses: boolean;
}

/** What to do about a file that does not fit: the one thing that would help, where that can be told. */
function adviceFor(
  spec: ModelSpec,
  { tensors }: WeightsFile,
  wrong: readonly Kept[],
  unused: readonly string[],
  mode: LoadMode,
): string {
  const other = othersNamed(spec, tensors);
  if (other !== null) return `Its names are those of torchvision's ${other}: give --model ${other}.`;
  const needed = new Set(withoutAuxiliary(spec).layers.map(({ name }) => name));
  const auxiliary = wrong.every(({ name, missing }) => missing && !needed.has(layerOf(name)));
  if (auxiliary && wrong.length > 0 && unused.length === 0)
    return "It has no auxiliary heads: give --model-option auxiliaryHeads=false to train without them.";
  return mode === "strict"
    ? "Give the file of this network, or --init-weights-mode partial to take what fits."
    : "Give the file of this network, with the options that it was made with (--model-option), and data of its classes.";
}

/** Another network of ours that torchvision calls exactly as the file does; null where there is none. */
function othersNamed(spec: ModelSpec, tensors: readonly Tensor[]): string | null {
  if (namesOf(tensors) === "cnn-dist") return null;
  const [first] = networksNamed(tensors.map(({ name }) => name));
  return first === undefined || first === spec.name ? null : first;
}

/** The layer of a parameter: "conv1" of "conv1/kernel". */
function layerOf(parameter: string): string {
  return parameter.slice(0, parameter.lastIndexOf("/"));
}

/** The file's tensors under our names; `extra`: those that have none, and belong to nothing that can be left out. */
function byOurNames(
  spec: ModelSpec,
  { called, tensors }: WeightsFile,
): { tensors: Map<string, Tensor>; extra: string[] } {
  if (namesOf(tensors) === "cnn-dist")
    return { tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])), extra: [] };
  const known = torchvisionParameters(spec);
  const theirs = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  if (!known?.some(({ torch }) => theirs.has(torch))) throw unknownNames(spec, { called, tensors }, known !== null);
  const converted = new Map<string, Tensor>();
  for (const { name, torch, order } of known) {
    const tensor = theirs.get(torch);
    if (tensor) converted.set(name, { name, ...fromTorch(tensor, order) });
    theirs.delete(torch);
  }
  const headless = spec.auxiliary === undefined;
  const extra = [...theirs.keys()].filter(
    (name) => !TORCH_COUNTER.test(name) && !(headless && TORCH_AUXILIARY.test(name)),
  );
  return { tensors: converted, extra };
}

function unknownNames(spec: ModelSpec, { called, tensors }: WeightsFile, known: boolean): UsageError {
  const other = othersNamed(spec, tensors);
  const advice =
    other === null
      ? "Rename them as 'weights.safetensors' of a checkpoint has them."
      : `They are those of torchvision's ${other}: give --model ${other}.`;
  return new UsageError(
    "init-weights",
    `${called}: its names (${some(tensors.map(({ name }) => name))}) are neither ours (layer/kernel) nor ${known ? "torchvision's for this network" : `torchvision's, which has no ${spec.name}`}. ${advice}`,
  );
}

/** The layers whose size is the number of classes: of the logits and of each auxiliary classifier. */
function classLayers(spec: ModelSpec): ReadonlySet<string> {
  const before = (name: string): string => {
    const at = spec.layers.findIndex((layer) => layer.name === name);
    const { kind } = spec.layers[at]!;
    return kind === "activation" || kind === "affine" ? before(inputsOf(spec.layers, at)[0]!) : name;
  };
  return new Set([spec.output, ...(spec.auxiliary ?? []).map(({ output }) => output)].map(before));
}

/** The number of classes that the file's tensors show; null where the layer of the classes has no weights in it. */
export function classesIn(spec: ModelSpec, file: WeightsFile): number | null {
  const { tensors } = byOurNames(spec, file);
  const [layer] = classLayers(withoutAuxiliary(spec));
  return tensors.get(`${layer}/kernel`)?.shape.at(-1) ?? null;
}

/** Whether the file has weights of auxiliary classifiers, under our names or torchvision's. */
export function hasAuxiliary(tensors: readonly { name: string }[]): boolean {
  return tensors.some(({ name }) => TORCH_AUXILIARY.test(name) || /^aux\d[a-e]_/.test(name));
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
