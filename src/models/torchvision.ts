/**
 * torchvision's names for the parameters of the networks that both have, so that published weights load: AlexNet
 * (alexnet-owt), VGG, GoogLeNet with batch normalisation, ResNet 18 to 152. Pure.
 */
import type { TableModel } from "./choice.js";
import { buildModel, type ModelOptions, modelFacts, modelNames } from "./registry.js";
import { inputsOf, type Shape, shapesOf } from "./shapes.js";
import type { LayerSpec, ModelSpec } from "./spec.js";
import type { TorchOrder } from "./torch-order.js";

export interface TorchParameter {
  /** Ours. */
  name: string;
  torch: string;
  order: TorchOrder;
}

/** What torchvision's networks do otherwise than ours of the same name: their published weights were made so. */
const OPTIONS: Readonly<Record<string, ModelOptions>> = {
  "googlenet-bn": { auxiliaryPool: "adaptive", transformInput: true },
};

/** Whose names the tensors have; torchvision's have no slash. */
export function namesOf(tensors: readonly { name: string }[]): "cnn-dist" | "torchvision" {
  return tensors.some(({ name }) => name.includes("/")) ? "cnn-dist" : "torchvision";
}

/**
 * The options with which our network computes what torchvision's does. `written`: the options of the network that the
 * weights were exported from, where the file says them; those are then what it was trained with.
 */
export function torchvisionOptions(model: string, written: ModelOptions | undefined = undefined): ModelOptions {
  const theirs = OPTIONS[model] ?? {};
  if (written === undefined) return theirs;
  const { options } = modelFacts(model);
  return Object.fromEntries(Object.keys(theirs).map((key) => [key, written[key] ?? options[key]!.initial]));
}

/** `model` with the options that weights of torchvision's names ask for; options that were given are kept. */
export function withTorchvisionOptions(
  model: TableModel,
  { tensors, options }: { tensors: readonly { name: string }[]; options: ModelOptions | undefined },
): TableModel {
  if (namesOf(tensors) === "cnn-dist") return model;
  return { ...model, options: { ...torchvisionOptions(model.name, options), ...model.options } };
}

/** torchvision's auxiliary heads, which a network may go without. */
export const TORCH_AUXILIARY = /^aux[12]\./;
/** A counter of batches, which nothing needs. */
export const TORCH_COUNTER = /\.num_batches_tracked$/;

/** Our names of the networks whose parameters, auxiliary heads aside, torchvision calls exactly so. */
export function networksNamed(names: readonly string[]): string[] {
  const given = new Set(names.filter((name) => !TORCH_AUXILIARY.test(name) && !TORCH_COUNTER.test(name)));
  return modelNames().filter((model) => {
    const known = torchvisionParameters(buildModel(model, modelFacts(model).natural));
    const theirs = known?.filter(({ torch }) => !TORCH_AUXILIARY.test(torch));
    return theirs?.length === given.size && theirs.every(({ torch }) => given.has(torch));
  });
}

/** In the network's order; null for a network that torchvision does not have. */
export function torchvisionParameters(spec: ModelSpec): TorchParameter[] | null {
  const prefix = prefixes(spec);
  if (!prefix) return null;
  const shapes = shapesOf(spec);
  return spec.layers.flatMap((layer, index): TorchParameter[] => {
    const torch = prefix(layer);
    if (torch === null) return [];
    const named = (part: string, theirs: string, order: TorchOrder = { kind: "same" }) => ({
      name: `${layer.name}/${part}`,
      torch: `${torch}.${theirs}`,
      order,
    });
    switch (layer.kind) {
      case "conv2d":
        return [named("kernel", "weight", { kind: "oihw" }), ...(layer.bias ? [named("bias", "bias")] : [])];
      case "dense": {
        const maps = flattenedMaps(spec, index, shapes);
        const order: TorchOrder = maps ? { kind: "flattened", maps } : { kind: "linear" };
        return [named("kernel", "weight", order), ...(layer.bias ? [named("bias", "bias")] : [])];
      }
      case "batchNorm":
        return [
          named("gamma", "weight"),
          named("beta", "bias"),
          named("moving_mean", "running_mean"),
          named("moving_variance", "running_var"),
        ];
      default:
        return [];
    }
  });
}

/** What a dense layer's input was before it was flattened; dropout between the two changes nothing. */
function flattenedMaps(spec: ModelSpec, index: number, shapes: ReadonlyMap<string, Shape>): Shape | null {
  const before = inputsOf(spec.layers, index)[0]!;
  const at = spec.layers.findIndex(({ name }) => name === before);
  const layer = spec.layers[at];
  if (layer?.kind === "dropout") return flattenedMaps(spec, at, shapes);
  if (layer?.kind !== "flatten") return null;
  return shapes.get(inputsOf(spec.layers, at)[0]!)!;
}

/** torchvision's name of the module that a layer is; null for layers without parameters there. */
type Prefix = (layer: LayerSpec) => string | null;

function prefixes(spec: ModelSpec): Prefix | null {
  if (/^vgg(11|13|16|19)(-bn)?$/.test(spec.name))
    return sequential(spec, { fc6: "classifier.0", fc7: "classifier.3", fc8: "classifier.6" });
  if (spec.name === "alexnet-owt")
    return sequential(spec, { fc6: "classifier.1", fc7: "classifier.4", fc8: "classifier.6" });
  if (/^resnet(18|34|50|101|152)$/.test(spec.name)) return resnetPrefix;
  if (spec.name === "googlenet-bn") return googlenetPrefix;
  return null;
}

/** Numbers the convolutional part as torchvision's `features` does: a convolution's ReLU counts as a module of its own. */
function sequential(spec: ModelSpec, classifier: Readonly<Record<string, string>>): Prefix {
  const names = new Map(Object.entries(classifier));
  let next = 0;
  for (const layer of spec.layers) {
    if (layer.kind === "flatten") break;
    if (layer.kind === "conv2d" || layer.kind === "batchNorm") names.set(layer.name, `features.${next}`);
    if (layer.kind === "conv2d") next += layer.activation ? 2 : 1;
    if (layer.kind === "batchNorm" || layer.kind === "activation" || layer.kind === "maxPool") next++;
  }
  return ({ name }) => names.get(name) ?? null;
}

/** s2b1_conv1 is layer2.0.conv1, s2b1_proj is layer2.0.downsample.0. */
function resnetPrefix({ name }: LayerSpec): string | null {
  if (name === "conv1" || name === "bn1" || name === "fc") return name;
  const [, stage, block, part] = /^s(\d)b(\d+)_(conv\d|bn\d|proj|proj_bn)$/.exec(name) ?? [];
  if (!stage || !block || !part) return null;
  const theirs = part === "proj" ? "downsample.0" : part === "proj_bn" ? "downsample.1" : part;
  return `layer${stage}.${Number(block) - 1}.${theirs}`;
}

const BRANCHES: Readonly<Record<string, string>> = {
  "1x1": "branch1",
  "3x3_reduce": "branch2.0",
  "3x3": "branch2.1",
  "5x5_reduce": "branch3.0",
  "5x5": "branch3.1",
  pool_proj: "branch4.1",
};
const STEM: Readonly<Record<string, string>> = { conv1: "conv1", conv2_reduce: "conv2", conv2: "conv3" };
const HEADS: Readonly<Record<string, string>> = { "4a": "aux1", "4d": "aux2" };

/** Each convolution is a module of `conv` and `bn`: i3a_3x3 is inception3a.branch2.1.conv, i3a_3x3_bn its .bn. */
function googlenetPrefix({ name }: LayerSpec): string | null {
  if (name === "fc") return name;
  const [, head, dense] = /^aux(4[ad])_(fc[12])$/.exec(name) ?? [];
  if (head && dense) return `${HEADS[head]}.${dense}`;
  const base = name.replace(/_(bn|relu)$/, "");
  const module = name.endsWith("_bn") ? "bn" : "conv";
  const [, inception, branch] = /^i(\d[a-e])_(.+)$/.exec(base) ?? [];
  const [, auxiliary] = /^aux(4[ad])_conv$/.exec(base) ?? [];
  const theirs = inception
    ? BRANCHES[branch!] && `inception${inception}.${BRANCHES[branch!]}`
    : auxiliary
      ? `${HEADS[auxiliary]}.conv`
      : STEM[base];
  return theirs === undefined ? null : `${theirs}.${module}`;
}
