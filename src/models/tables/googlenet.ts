import { UsageError } from "../../errors.js";
import type { ImageShape, InitRule, LayerSpec, ModelSpec, Padding } from "../spec.js";
import { dropoutOption, type Entries, fitTo, IMAGENET, isSmall, WIDTH, widened } from "./entry.js";

type Inception = readonly [
  conv1: number,
  reduce3: number,
  conv3: number,
  reduce5: number,
  conv5: number,
  poolProjection: number,
];

/** Table 1, Szegedy et al. 2015, arXiv:1409.4842. A pool of stride 2 follows 3b and 4e. */
const MODULES = {
  "3a": [64, 96, 128, 16, 32, 32],
  "3b": [128, 128, 192, 32, 96, 64],
  "4a": [192, 96, 208, 16, 48, 64],
  "4b": [160, 112, 224, 24, 64, 64],
  "4c": [128, 128, 256, 24, 64, 64],
  "4d": [112, 144, 288, 32, 64, 64],
  "4e": [256, 160, 320, 32, 128, 128],
  "5a": [256, 160, 320, 32, 128, 128],
  "5b": [384, 192, 384, 48, 128, 128],
} as const satisfies Record<string, Inception>;

/** Section 5: classifiers on 4a and 4d whose losses count 0.3. */
const AUXILIARY = ["4a", "4d"] as const;
const AUXILIARY_WEIGHT = 0.3;

const OPTIONS = {
  auxiliaryHeads: { kind: "switch", initial: true, about: "two more classifiers in training" },
  dropout: dropoutOption(0.4, "before the last dense layer"),
  auxiliaryDropout: dropoutOption(0.7, "in the auxiliary heads"),
  width: WIDTH,
} as const;

/** What torchvision's GoogLeNet does otherwise than the paper; its published weights were made so. */
const BATCH_NORM_OPTIONS = {
  ...OPTIONS,
  auxiliaryPool: {
    kind: "choice",
    initial: "5x5",
    choices: ["5x5", "adaptive"],
    about: "of the auxiliary heads: 5x5 of stride 3 as in the paper, or to 4x4 from any size as torchvision's",
  },
  transformInput: {
    kind: "switch",
    initial: false,
    about: "takes images normalised by ImageNet's statistics to (x - 0.5) / 0.5, as torchvision's weights expect",
  },
} as const;

/** By which torchvision normalises images: what `transformInput` undoes. */
const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
const IMAGENET_DEVIATION = [0.229, 0.224, 0.225] as const;

export const GOOGLENET: Entries = {
  googlenet: {
    about: "Szegedy et al. 2015, with its auxiliary heads in training",
    natural: IMAGENET,
    options: OPTIONS,
    build: (input, classes, options) => googlenet(input, classes, false, options),
  },
  "googlenet-bn": {
    about: "Szegedy et al. 2015 with batch normalisation, 3x3 in place of 5x5",
    natural: IMAGENET,
    options: BATCH_NORM_OPTIONS,
    build: (input, classes, options) => googlenet(input, classes, true, options),
  },
};

type Options = Readonly<Record<string, string | number | boolean>>;
type ConvOf = (
  name: string,
  filters: number,
  kernel: number,
  more?: { stride?: number; padding?: Padding; inputs?: readonly string[] },
) => LayerSpec[];

/** Small images get a stem at stride 1 without pools; larger ones are resized to 224. */
function googlenet(input: ImageShape, classes: number, batchNorm: boolean, options: Options): ModelSpec {
  const of = (channels: number) => widened(channels, options.width);
  const conv = convolution(batchNorm);
  const small = isSmall(input);
  const heads = options.auxiliaryHeads === true;
  const layers = [
    ...transformInput(input, options),
    ...(small ? smallStem(conv, of) : [...fitTo(input, 224, "resize"), ...stem(conv, of, !batchNorm)]),
  ];
  for (const [name, channels] of Object.entries(MODULES)) {
    const before = layers.at(-1)!.name;
    layers.push(...inception(name, before, channels.map(of) as unknown as Inception, batchNorm ? 3 : 5, conv));
    if (name === "3b") layers.push(pool("pool3", 3));
    if (name === "4e") layers.push(pool("pool4", batchNorm ? 2 : 3));
  }
  const auxiliary = heads ? AUXILIARY.map((at) => auxiliaryHead(at, classes, of, conv, options)) : [];
  return {
    name: batchNorm ? "googlenet-bn" : "googlenet",
    source: "Szegedy et al. 2015, arXiv:1409.4842, table 1",
    input,
    classes,
    layers: [
      ...layers,
      { kind: "globalAvgPool", name: "average" },
      { kind: "dropout", name: "drop", rate: Number(options.dropout) },
      { kind: "dense", name: "fc", units: classes, bias: true },
      ...auxiliary.flat(),
    ],
    output: "fc",
    ...(heads ? { auxiliary: AUXILIARY.map((at) => ({ output: `aux${at}_fc2`, weight: AUXILIARY_WEIGHT })) } : {}),
  };
}

/** (x - 0.5) / 0.5 of pixels in [0, 1], which come here with ImageNet's mean taken off and over its deviation. */
function transformInput([, , channels]: ImageShape, options: Options): LayerSpec[] {
  if (options.transformInput !== true) return [];
  if (channels !== 3)
    throw new UsageError(
      "model-option",
      `model googlenet-bn, option transformInput: ImageNet's statistics are of 3 channels, the images have ${channels}. Leave the option out.`,
    );
  return [
    {
      kind: "affine",
      name: "transform_input",
      multiply: IMAGENET_DEVIATION.map((deviation) => deviation / 0.5),
      add: IMAGENET_MEAN.map((mean) => (mean - 0.5) / 0.5),
    },
  ];
}

/** With batch normalisation, convolutions have no bias; epsilon 1e-3. */
function convolution(batchNorm: boolean): ConvOf {
  const kernelInit: InitRule = { kind: "heNormal" };
  return (name, filters, kernel, { stride = 1, padding = "same", inputs } = {}) => {
    const common = { kind: "conv2d", name, filters, kernel, stride, padding, kernelInit } as const;
    const from = inputs ? { inputs } : {};
    if (!batchNorm) return [{ ...common, ...from, bias: true, activation: "relu" }];
    return [
      { ...common, ...from, bias: false },
      { kind: "batchNorm", name: `${name}_bn`, epsilon: 1e-3, momentum: 0.9 },
      { kind: "activation", name: `${name}_relu`, activation: "relu" },
    ];
  };
}

/** "same" pads at the end alone here, which is what Caffe's rounding up of the number of windows does. */
const pool = (name: string, size: number): LayerSpec => ({ kind: "maxPool", name, size, stride: 2, padding: "same" });

function stem(conv: ConvOf, of: (channels: number) => number, normalise: boolean): LayerSpec[] {
  const lrn = (name: string): LayerSpec[] =>
    normalise ? [{ kind: "lrn", name, size: 5, k: 2, alpha: 1e-4, beta: 0.75 }] : [];
  return [
    ...conv("conv1", of(64), 7, { stride: 2, padding: 3 }),
    pool("pool1", 3),
    ...lrn("lrn1"),
    ...conv("conv2_reduce", of(64), 1),
    ...conv("conv2", of(192), 3),
    ...lrn("lrn2"),
    pool("pool2", 3),
  ];
}

function smallStem(conv: ConvOf, of: (channels: number) => number): LayerSpec[] {
  return [...conv("conv1", of(64), 3), ...conv("conv2_reduce", of(64), 1), ...conv("conv2", of(192), 3)];
}

/** Figure 2(b): four branches from the layer `before`, concatenated over channels. */
function inception(
  at: string,
  before: string,
  [conv1, reduce3, conv3, reduce5, conv5, projection]: Inception,
  large: number,
  conv: ConvOf,
): LayerSpec[] {
  const from = { inputs: [before] };
  const branches = [
    conv(`i${at}_1x1`, conv1, 1, from),
    [...conv(`i${at}_3x3_reduce`, reduce3, 1, from), ...conv(`i${at}_3x3`, conv3, 3)],
    [...conv(`i${at}_5x5_reduce`, reduce5, 1, from), ...conv(`i${at}_5x5`, conv5, large)],
    [
      { kind: "maxPool", name: `i${at}_pool`, size: 3, stride: 1, padding: "same", ...from } as const,
      ...conv(`i${at}_pool_proj`, projection, 1),
    ],
  ];
  return [
    ...branches.flat(),
    { kind: "concat", name: `i${at}`, inputs: branches.map((branch) => branch.at(-1)!.name) },
  ];
}

/** Section 5, at the end: average pool 5x5 of stride 3 (or to 4x4), 1x1 convolution with 128 filters, dense 1024, dropout 0.7. */
function auxiliaryHead(
  at: string,
  classes: number,
  of: (channels: number) => number,
  conv: ConvOf,
  options: Options,
): LayerSpec[] {
  const name = `aux${at}`;
  return [
    auxiliaryPool(`${name}_pool`, `i${at}`, options),
    ...conv(`${name}_conv`, of(128), 1),
    { kind: "flatten", name: `${name}_flatten` },
    { kind: "dense", name: `${name}_fc1`, units: of(1024), bias: true, activation: "relu" },
    { kind: "dropout", name: `${name}_drop`, rate: Number(options.auxiliaryDropout) },
    { kind: "dense", name: `${name}_fc2`, units: classes, bias: true },
  ];
}

function auxiliaryPool(name: string, from: string, { auxiliaryPool: form }: Options): LayerSpec {
  if (form === "adaptive") return { kind: "adaptiveAvgPool", name, size: 4, inputs: [from] };
  return { kind: "avgPool", name, size: 5, stride: 3, padding: "valid", inputs: [from] };
}
