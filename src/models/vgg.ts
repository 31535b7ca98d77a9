import type { ImageShape, InitRule, LayerSpec, ModelSpec } from "./spec.js";

type Stage = readonly [convs: number, channels: number]; // each ends in a 2x2 max-pool

/** Columns A, B, D, E of table 1, Simonyan & Zisserman 2015, arXiv:1409.1556. */
const STAGES = {
  vgg11: [
    [1, 64],
    [1, 128],
    [2, 256],
    [2, 512],
    [2, 512],
  ],
  vgg13: [
    [2, 64],
    [2, 128],
    [2, 256],
    [2, 512],
    [2, 512],
  ],
  vgg16: [
    [2, 64],
    [2, 128],
    [3, 256],
    [3, 512],
    [3, 512],
  ],
  vgg19: [
    [2, 64],
    [2, 128],
    [4, 256],
    [4, 512],
    [4, 512],
  ],
} as const satisfies Record<string, readonly Stage[]>;

export type VggName = keyof typeof STAGES;
export const VGG_NAMES = Object.keys(STAGES) as VggName[];

const HE: InitRule = { kind: "heNormal" };

/**
 * Images of 64 or less a side get the small form (pools "same", dense 256 and 128, He initialisation throughout); larger
 * ones are resized to 224 and get the paper's (dense 4096 twice with dropout 0.5; dense N(0, 0.005), bias 0.1).
 */
export function vgg(
  name: VggName,
  input: ImageShape,
  classes: number,
  options: { batchNorm: boolean } = { batchNorm: false },
): ModelSpec {
  const [height, width] = input;
  const small = height <= 64 && width <= 64;
  const fit: LayerSpec[] =
    small || (height === 224 && width === 224) ? [] : [{ kind: "resize", name: "fit", height: 224, width: 224 }];
  const stages = STAGES[name].flatMap(([convs, channels], stage): LayerSpec[] => [
    ...Array.from({ length: convs }, (_, conv) =>
      convolution(`conv${stage + 1}_${conv + 1}`, channels, options.batchNorm),
    ).flat(),
    { kind: "maxPool", name: `pool${stage + 1}`, size: 2, stride: 2, padding: small ? "same" : "valid" },
  ]);
  return {
    name: options.batchNorm ? `${name}-bn` : name,
    source: "Simonyan & Zisserman 2015, arXiv:1409.1556, table 1",
    input,
    classes,
    layers: [
      ...fit,
      ...stages,
      { kind: "flatten", name: "flatten" },
      ...(small ? smallHead(classes) : paperHead(classes)),
    ],
    output: "fc8",
  };
}

function convolution(name: string, filters: number, batchNorm: boolean): LayerSpec[] {
  const conv = { kind: "conv2d", name, filters, kernel: 3, padding: "same", bias: true, kernelInit: HE } as const;
  if (!batchNorm) return [{ ...conv, activation: "relu" }];
  return [
    conv,
    { kind: "batchNorm", name: `${name}_bn`, epsilon: 1e-5, momentum: 0.9 },
    { kind: "activation", name: `${name}_relu`, activation: "relu" },
  ];
}

function smallHead(classes: number): LayerSpec[] {
  return [
    { kind: "dense", name: "fc6", units: 256, bias: true, activation: "relu", kernelInit: HE },
    { kind: "dense", name: "fc7", units: 128, bias: true, activation: "relu", kernelInit: HE },
    { kind: "dense", name: "fc8", units: classes, bias: true, kernelInit: HE },
  ];
}

function paperHead(classes: number): LayerSpec[] {
  const init = { kernelInit: { kind: "normal", stddev: 0.005 }, biasInit: { kind: "constant", value: 0.1 } } as const;
  return [
    { kind: "dense", name: "fc6", units: 4096, bias: true, activation: "relu", ...init },
    { kind: "dropout", name: "drop6", rate: 0.5 },
    { kind: "dense", name: "fc7", units: 4096, bias: true, activation: "relu", ...init },
    { kind: "dropout", name: "drop7", rate: 0.5 },
    { kind: "dense", name: "fc8", units: classes, bias: true, ...init },
  ];
}
