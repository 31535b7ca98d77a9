import type { ImageShape, InitRule, LayerSpec, ModelSpec } from "../spec.js";
import {
  dropoutOption,
  type Entries,
  fitTo,
  hidden,
  IMAGENET,
  isSmall,
  type ModelEntry,
  WIDTH,
  widened,
} from "./entry.js";

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

const entry = (name: keyof typeof STAGES, batchNorm: boolean): [string, ModelEntry] => [
  batchNorm ? `${name}-bn` : name,
  {
    about: `Simonyan & Zisserman 2015${batchNorm ? ", with batch normalisation" : ""}`,
    natural: IMAGENET,
    options: {
      dropout: dropoutOption(0.5, "of each of the two hidden dense layers; the small form has none"),
      width: WIDTH,
    },
    build: (input, classes, { dropout, width }) =>
      vgg(name, input, classes, { batchNorm, dropout: Number(dropout), width: Number(width) }),
  },
];
const NAMES = Object.keys(STAGES) as (keyof typeof STAGES)[];

export const VGG: Entries = Object.fromEntries([
  ...NAMES.map((name) => entry(name, false)),
  ...NAMES.map((name) => entry(name, true)),
]);

const HE: InitRule = { kind: "heNormal" };

/**
 * Images of 64 or less a side get the small form (pools "same", dense 256 and 128, He initialisation throughout); larger
 * ones are resized to 224 and get the paper's (dense 4096 twice with dropout 0.5; dense N(0, 0.005), bias 0.1).
 */
function vgg(
  name: keyof typeof STAGES,
  input: ImageShape,
  classes: number,
  options: { batchNorm: boolean; dropout: number; width: number },
): ModelSpec {
  const small = isSmall(input);
  const of = (channels: number) => widened(channels, options.width);
  const stages = STAGES[name].flatMap(([convs, channels], stage): LayerSpec[] => [
    ...Array.from({ length: convs }, (_, conv) =>
      convolution(`conv${stage + 1}_${conv + 1}`, of(channels), options.batchNorm),
    ).flat(),
    { kind: "maxPool", name: `pool${stage + 1}`, size: 2, stride: 2, padding: small ? "same" : "valid" },
  ]);
  return {
    name: options.batchNorm ? `${name}-bn` : name,
    source: "Simonyan & Zisserman 2015, arXiv:1409.1556, table 1",
    input,
    classes,
    layers: [
      ...(small ? [] : fitTo(input, 224, "resize")),
      ...stages,
      { kind: "flatten", name: "flatten" },
      ...(small ? smallHead(classes, of) : paperHead(classes, of, options.dropout)),
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

function smallHead(classes: number, of: (units: number) => number): LayerSpec[] {
  return [
    hidden("fc6", of(256), { kernelInit: HE }),
    hidden("fc7", of(128), { kernelInit: HE }),
    { kind: "dense", name: "fc8", units: classes, bias: true, kernelInit: HE },
  ];
}

function paperHead(classes: number, of: (units: number) => number, dropout: number): LayerSpec[] {
  const init = { kernelInit: { kind: "normal", stddev: 0.005 }, biasInit: { kind: "constant", value: 0.1 } } as const;
  return [
    hidden("fc6", of(4096), init),
    { kind: "dropout", name: "drop6", rate: dropout },
    hidden("fc7", of(4096), init),
    { kind: "dropout", name: "drop7", rate: dropout },
    { kind: "dense", name: "fc8", units: classes, bias: true, ...init },
  ];
}
