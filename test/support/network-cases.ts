/** Small networks, one of each family and of each form of block, for the comparison with PyTorch. */

import { initialValues } from "../../src/models/init.js";
import { buildModel, type ModelOptions } from "../../src/models/registry.js";
import type { ImageShape, ModelSpec } from "../../src/models/spec.js";
import type { Layout, Slot } from "../../src/parameters/layout.js";
import { deriveKey, integers, normals } from "../../src/random.js";

interface Case {
  model: string;
  input: ImageShape;
  options?: ModelOptions;
  /** Smaller images for a network made for `input`, which convolutions and a global average take as well. */
  shown?: ImageShape;
  /** One block a stage: what is rounded in fifty layers of few images hides whether a block is right. */
  shortened?: boolean;
  /**
   * Of the images: changed where a ReLU's input or two candidates of a maximum were so near each other that one rounding
   * more or less sends a gradient another way, which is then no question of precision.
   */
  draw?: number;
}
const IMAGENET: ImageShape = [224, 224, 3];
const CIFAR: ImageShape = [32, 32, 3];
const MNIST: ImageShape = [28, 28, 1];
const SIXTEENTH = { width: 1 / 16, dropout: 0 };
const EIGHTH = { width: 1 / 8 };

const CASES: Readonly<Record<string, Case>> = {
  lenet5: { model: "lenet5", input: MNIST },
  "lenet5-1998": { model: "lenet5-1998", input: MNIST },
  "lenet5-1998-sigmoid": { model: "lenet5-1998", input: CIFAR, options: { f6: "sigmoid" } },
  alexnet: { model: "alexnet", input: IMAGENET, options: SIXTEENTH },
  "alexnet-ungrouped": { model: "alexnet", input: [32, 32, 1], options: { ...SIXTEENTH, groups: 1, lrn: false } },
  "alexnet-owt": { model: "alexnet-owt", input: IMAGENET, options: SIXTEENTH },
  "alexnet-fashion-sigmoid": {
    model: "alexnet-fashion",
    input: MNIST,
    options: { dropout: 0, head: "sigmoid" },
    draw: 4,
  },
  vgg11: { model: "vgg11", input: IMAGENET, options: SIXTEENTH },
  "vgg13-bn-small": { model: "vgg13-bn", input: CIFAR, options: EIGHTH },
  googlenet: {
    model: "googlenet",
    input: IMAGENET,
    options: { ...SIXTEENTH, auxiliaryDropout: 0 },
    shown: [112, 112, 3],
  },
  "googlenet-bn-small": {
    model: "googlenet-bn",
    input: CIFAR,
    options: { ...SIXTEENTH, auxiliaryDropout: 0 },
    draw: 4,
  },
  "googlenet-bn-torchvision": {
    model: "googlenet-bn",
    input: [64, 60, 3],
    options: { ...SIXTEENTH, auxiliaryDropout: 0, transformInput: true, auxiliaryPool: "adaptive" },
    shown: [36, 44, 3],
  },
  resnet18: { model: "resnet18", input: IMAGENET, options: EIGHTH, shown: CIFAR },
  "resnet18-small": { model: "resnet18", input: CIFAR, options: EIGHTH },
  "resnet50-paper": {
    model: "resnet50",
    input: IMAGENET,
    options: { ...EIGHTH, strideIn: "1x1" },
    shown: CIFAR,
    shortened: true,
    draw: 1,
  },
  "resnet50-small": { model: "resnet50", input: CIFAR, options: EIGHTH, shortened: true },
  "resnet18-v2-small": { model: "resnet18-v2", input: CIFAR, options: EIGHTH },
  "resnet50-v2": { model: "resnet50-v2", input: IMAGENET, options: EIGHTH, shown: CIFAR, shortened: true },
  resnet20: { model: "resnet20", input: CIFAR },
};
const CLASSES = 10;
const IMAGES = 8;
const SEED = 11;

export interface NetworkCase {
  name: string;
  spec: ModelSpec;
  pixels: Uint8Array;
  labels: Int32Array;
}

export function networkCases(): NetworkCase[] {
  return Object.entries(CASES).map(([name, { model, input, options = {}, shown = input, shortened, draw = 0 }]) => ({
    name,
    spec: withInput(buildModel(model, { input, classes: CLASSES, options }), shown, shortened === true),
    pixels: pixelsOf(`${name} ${draw}`, shown),
    labels: Int32Array.from({ length: IMAGES }, (_, image) => (3 * image + 1) % CLASSES),
  }));
}

/**
 * ResNet-18 at its full width on 32 images, with tanh where it has ReLU: a ReLU whose input changes its sign by one rounding
 * sends gradients another way, and this case asks what the sums of its 20 batch normalisations lose.
 */
export function smoothResnet18(): NetworkCase {
  const spec = buildModel("resnet18", { input: CIFAR, classes: CLASSES });
  const layers = spec.layers.map((layer) =>
    layer.kind === "activation" && layer.activation === "relu" ? { ...layer, activation: "tanh" as const } : layer,
  );
  return {
    name: "smooth-resnet18",
    spec: { ...spec, layers },
    pixels: pixelsOf("smooth-resnet18", CIFAR, 32),
    labels: Int32Array.from({ length: 32 }, (_, image) => (3 * image + 1) % CLASSES),
  };
}

function withInput(spec: ModelSpec, input: ImageShape, shortened: boolean): ModelSpec {
  if (!shortened) return { ...spec, input };
  // Names of a residual network's blocks are s1b1, s1b2 and so on.
  const first = (name: string) => name.replace(/^(s\d)b\d+/, "$1b1");
  const layers = spec.layers
    .filter(({ name }) => first(name) === name)
    .map((layer) => (layer.inputs ? { ...layer, inputs: layer.inputs.map(first) } : layer));
  return { ...spec, input, layers };
}

/** Patches of 4x4 with some noise: images of pure noise all look the same to a deep network. */
function pixelsOf(draw: string, [height, width, channels]: ImageShape, images = IMAGES): Uint8Array {
  const noise = integers(deriveKey(SEED, "noise", draw), images * height * width * channels);
  const patches = integers(deriveKey(SEED, "patches", draw), images * 64 * channels);
  return Uint8Array.from(noise, (word, index) => {
    const [rest, channel] = [Math.floor(index / channels), index % channels];
    const [column, row] = [rest % width, Math.floor(rest / width) % height];
    const image = Math.floor(rest / (width * height));
    const patch = image * 64 + Math.floor((row * 8) / height) * 8 + Math.floor((column * 8) / width);
    return ((patches[patch * channels + channel]! >>> 24) * 3 + (word >>> 24)) >>> 2;
  });
}

/** Initial values, and something of its own for each parameter that begins as a constant. */
export function valuesFor(layout: Layout): { weights: Float32Array; state: Float32Array } {
  const values = initialValues(layout, SEED);
  const stir = (vector: Float32Array, slots: readonly Slot[]) => {
    for (const { name, offset, size, init } of slots) {
      if (init.kind === "normal" || init.kind === "uniform") continue;
      const noise = normals(deriveKey(SEED, "stir", name), size);
      const positive = name.endsWith("moving_variance");
      for (let at = 0; at < size; at++) vector[offset + at]! += 0.1 * (positive ? Math.abs(noise[at]!) : noise[at]!);
    }
  };
  stir(values.weights, layout.trainable);
  stir(values.state, layout.state);
  return values;
}
