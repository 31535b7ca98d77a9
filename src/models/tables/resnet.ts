import type { ImageShape, InitRule, LayerSpec, ModelSpec, Padding } from "../spec.js";
import { type Entries, fitTo, IMAGENET, isSmall, type ModelEntry, WIDTH, widened } from "./entry.js";

type Blocks = readonly [number, number, number, number];

/** Table 1 of He et al. 2015, arXiv:1512.03385, and table 5 of He et al. 2016, arXiv:1603.05027 (200). */
const DEPTHS = {
  18: { blocks: [2, 2, 2, 2], bottleneck: false },
  34: { blocks: [3, 4, 6, 3], bottleneck: false },
  50: { blocks: [3, 4, 6, 3], bottleneck: true },
  101: { blocks: [3, 4, 23, 3], bottleneck: true },
  152: { blocks: [3, 8, 36, 3], bottleneck: true },
  200: { blocks: [3, 24, 36, 3], bottleneck: true },
} as const satisfies Record<number, { blocks: Blocks; bottleneck: boolean }>;
/** Section 4.2: 6n + 2 layers. */
const CIFAR_DEPTHS = [20, 32, 44, 56, 110] as const;

const HE: InitRule = { kind: "heNormal" };

interface Form {
  bottleneck: boolean;
  /** Pre-activation, He et al. 2016. */
  v2: boolean;
  /** Where a bottleneck strides: in its 3x3 (as most weights that are published) or, as the paper, in its first 1x1. */
  strideIn: "3x3" | "1x1";
  /** Of convolutions and projections; a projection of the plain kind has no batch normalisation. */
  bias: boolean;
  plainProjection: boolean;
}

const STRIDE_IN = {
  kind: "choice",
  initial: "3x3",
  choices: ["3x3", "1x1"],
  about: "the convolution of a bottleneck that strides; 1x1 is the paper's",
} as const;

function imagenetEntry(depth: keyof typeof DEPTHS, v2: boolean): [string, ModelEntry] {
  const { blocks, bottleneck } = DEPTHS[depth];
  const name = `resnet${depth}${v2 ? "-v2" : ""}`;
  return [
    name,
    {
      about: v2 ? "He et al. 2016, pre-activation" : "He et al. 2015",
      natural: IMAGENET,
      options: bottleneck ? { strideIn: STRIDE_IN, width: WIDTH } : { width: WIDTH },
      build: (input, classes, options) => {
        const strideIn = options.strideIn === "1x1" ? "1x1" : "3x3";
        return resnet(name, blocks, input, classes, Number(options.width), { bottleneck, v2, strideIn });
      },
    },
  ];
}

export const RESNET: Entries = Object.fromEntries([
  ...([18, 34, 50, 101, 152, 200] as const).map((depth) => imagenetEntry(depth, false)),
  ...([18, 34, 50, 101, 152, 200] as const).map((depth) => imagenetEntry(depth, true)),
  ...CIFAR_DEPTHS.map((depth): [string, ModelEntry] => [
    `resnet${depth}`,
    {
      about: "He et al. 2015, section 4.2, for CIFAR-10",
      natural: { input: [32, 32, 3], classes: 10 },
      options: { width: WIDTH },
      build: (input, classes, { width }) => cifarResnet(depth, input, classes, Number(width)),
    },
  ]),
]);

const relu = (name: string): LayerSpec => ({ kind: "activation", name, activation: "relu" });
const norm = (name: string): LayerSpec => ({ kind: "batchNorm", name, epsilon: 1e-5, momentum: 0.9 });
const conv = (
  name: string,
  filters: number,
  kernel: number,
  { stride = 1, bias = false, inputs }: { stride?: number; bias?: boolean; inputs?: readonly string[] } = {},
): LayerSpec => ({
  kind: "conv2d",
  name,
  filters,
  kernel,
  stride,
  padding: paddingOf(kernel, stride),
  bias,
  kernelInit: HE,
  ...(inputs ? { inputs } : {}),
});

/** As the paper's own code pads: (kernel - 1) / 2 on every side, which at stride 1 is "same". */
function paddingOf(kernel: number, stride: number): Padding {
  if (kernel === 1) return "valid";
  return stride === 1 ? "same" : (kernel - 1) / 2;
}

/**
 * Small images get the stem of the CIFAR-100 recipe, 3x3 without padding and a pool of stride 1; there the first version
 * also has biases, and plain projections. Larger images are resized to 224.
 */
function resnet(
  name: string,
  blocks: Blocks,
  input: ImageShape,
  classes: number,
  width: number,
  kind: Pick<Form, "bottleneck" | "v2" | "strideIn">,
): ModelSpec {
  const small = isSmall(input);
  const ofRecipe = small && !kind.v2;
  const form: Form = { ...kind, bias: ofRecipe, plainProjection: ofRecipe || kind.v2 };
  const of = (channels: number) => widened(channels, width);
  const layers: LayerSpec[] = small ? smallStem(of(64), form) : [...fitTo(input, 224, "resize"), ...stem(of(64), form)];
  let channels = of(64);
  blocks.forEach((count, stage) => {
    const inner = of(64 * 2 ** stage);
    const out = inner * (form.bottleneck ? 4 : 1);
    for (let block = 0; block < count; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const before = layers.at(-1)!.name;
      const shortcut = stride > 1 || channels !== out ? "projection" : "identity";
      const at: Place = { name: `s${stage + 1}b${block + 1}`, before, stride, inner, out, shortcut };
      layers.push(...(form.v2 ? preActivationBlock(at, form) : residualBlock(at, form)));
      channels = out;
    }
  });
  return {
    name,
    source: kind.v2 ? "He et al. 2016, arXiv:1603.05027" : "He et al. 2015, arXiv:1512.03385, table 1",
    input,
    classes,
    layers: [
      ...layers,
      ...(form.v2 ? [norm("last_bn"), relu("last_relu")] : []),
      { kind: "globalAvgPool", name: "average" },
      { kind: "dense", name: "fc", units: classes, bias: true },
    ],
    output: "fc",
  };
}

/** The second version's first block begins with batch normalisation, so its stem has none. */
function stem(filters: number, { v2 }: Form): LayerSpec[] {
  return [
    conv("conv1", filters, 7, { stride: 2 }),
    ...(v2 ? [] : [norm("bn1"), relu("relu1")]),
    { kind: "maxPool", name: "pool1", size: 3, stride: 2, padding: 1 },
  ];
}

function smallStem(filters: number, { v2, bias }: Form): LayerSpec[] {
  return [
    { kind: "conv2d", name: "conv1", filters, kernel: 3, padding: "valid", bias, kernelInit: HE },
    ...(v2 ? [] : [norm("bn1"), relu("relu1")]),
    { kind: "maxPool", name: "pool1", size: 2, stride: 1, padding: "same" },
  ];
}

interface Place {
  name: string;
  before: string;
  stride: number;
  inner: number;
  out: number;
  /** Where the shape changes: a 1x1 convolution, or option A's rows of zeros. */
  shortcut: "identity" | "projection" | "padded";
}

/** Kernel, filters and stride of each convolution of a block. */
function convolutions({ inner, out, stride }: Place, { bottleneck, strideIn }: Form): [number, number, number][] {
  if (!bottleneck)
    return [
      [3, inner, stride],
      [3, out, 1],
    ];
  return [
    [1, inner, strideIn === "1x1" ? stride : 1],
    [3, inner, strideIn === "3x3" ? stride : 1],
    [1, out, 1],
  ];
}

/** He et al. 2015, figures 2 and 5: batch normalisation after each convolution, ReLU after the addition. */
function residualBlock(at: Place, form: Form): LayerSpec[] {
  const { name, before } = at;
  const steps = convolutions(at, form);
  const branch = steps.flatMap(([kernel, filters, stride], index): LayerSpec[] => [
    conv(`${name}_conv${index + 1}`, filters, kernel, {
      stride,
      bias: form.bias,
      ...(index === 0 ? { inputs: [before] } : {}),
    }),
    norm(`${name}_bn${index + 1}`),
    ...(index < steps.length - 1 ? [relu(`${name}_relu${index + 1}`)] : []),
  ]);
  const shortcut = shortcutOf(at, before, form);
  return [
    ...branch,
    ...shortcut,
    { kind: "add", name: `${name}_add`, inputs: [branch.at(-1)!.name, shortcut.at(-1)?.name ?? before] },
    relu(`${name}_relu`),
  ];
}

/** He et al. 2016, figure 1(b): batch normalisation and ReLU before each convolution; a projection starts after the first. */
function preActivationBlock(at: Place, form: Form): LayerSpec[] {
  const { name, before } = at;
  const branch = convolutions(at, form).flatMap(([kernel, filters, stride], index): LayerSpec[] => [
    { ...norm(`${name}_bn${index + 1}`), ...(index === 0 ? { inputs: [before] } : {}) },
    relu(`${name}_relu${index + 1}`),
    conv(`${name}_conv${index + 1}`, filters, kernel, { stride, bias: form.bias }),
  ]);
  const shortcut = at.shortcut === "identity" ? [] : shortcutOf(at, `${name}_relu1`, form);
  return [
    ...branch,
    ...shortcut,
    { kind: "add", name: `${name}_add`, inputs: [branch.at(-1)!.name, shortcut.at(-1)?.name ?? before] },
  ];
}

/** Nothing where the block's input goes on as it is. */
function shortcutOf(
  { name, stride, out, shortcut }: Place,
  from: string,
  { bias, plainProjection }: Form,
): LayerSpec[] {
  if (shortcut === "identity") return [];
  if (shortcut === "padded")
    return [{ kind: "paddedShortcut", name: `${name}_shortcut`, stride, channels: out, inputs: [from] }];
  return [
    conv(`${name}_proj`, out, 1, { stride, bias, inputs: [from] }),
    ...(plainProjection ? [] : [norm(`${name}_proj_bn`)]),
  ];
}

/** Section 4.2: three stages of n blocks of 16, 32 and 64 channels; shortcuts of option A have no parameters. */
function cifarResnet(depth: number, input: ImageShape, classes: number, width: number): ModelSpec {
  const form: Form = { bottleneck: false, v2: false, strideIn: "3x3", bias: false, plainProjection: false };
  const of = (channels: number) => widened(channels, width);
  const layers: LayerSpec[] = [conv("conv1", of(16), 3), norm("bn1"), relu("relu1")];
  const blocks = (depth - 2) / 6;
  for (let stage = 0; stage < 3; stage++) {
    const channels = of(16 * 2 ** stage);
    for (let block = 0; block < blocks; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const before = layers.at(-1)!.name;
      const at = { name: `s${stage + 1}b${block + 1}`, before, stride, inner: channels, out: channels };
      layers.push(...residualBlock({ ...at, shortcut: stride === 1 ? "identity" : "padded" }, form));
    }
  }
  return {
    name: `resnet${depth}`,
    source: "He et al. 2015, arXiv:1512.03385, section 4.2",
    input,
    classes,
    layers: [
      ...layers,
      { kind: "globalAvgPool", name: "average" },
      { kind: "dense", name: "fc", units: classes, bias: true },
    ],
    output: "fc",
  };
}
