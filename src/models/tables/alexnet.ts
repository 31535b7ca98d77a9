import type { ImageShape, InitRule, LayerSpec, ModelSpec } from "../spec.js";
import { dropoutOption, type Entries, fitTo, hidden, IMAGENET, isSmall, WIDTH, widened } from "./entry.js";

const DROPOUT = dropoutOption(0.5, "of each of the two hidden dense layers");
const PAPER = "Krizhevsky, Sutskever & Hinton 2012";

export const ALEXNET: Entries = {
  alexnet: {
    about: `${PAPER}, in two groups`,
    natural: IMAGENET,
    options: {
      groups: { kind: "choice", initial: 2, choices: [1, 2], about: "of conv2, conv4 and conv5" },
      lrn: { kind: "switch", initial: true, about: "local response normalisation after conv1 and conv2" },
      dropout: DROPOUT,
      width: WIDTH,
    },
    build: (input, classes, { groups, lrn, dropout, width }) =>
      alexnet(input, classes, {
        groups: Number(groups),
        lrn: lrn === true,
        dropout: Number(dropout),
        width: Number(width),
      }),
  },
  "alexnet-owt": {
    about: "Krizhevsky 2014, the form for one GPU",
    natural: IMAGENET,
    options: { dropout: DROPOUT, width: WIDTH },
    build: (input, classes, { dropout, width }) => alexnetOwt(input, classes, Number(dropout), Number(width)),
  },
  "alexnet-fashion": {
    about: "AlexNet for Fashion-MNIST at 224x224: no normalisation, small dense layers",
    natural: { input: [224, 224, 1], classes: 10 },
    options: {
      head: {
        kind: "choice",
        initial: "softmax",
        choices: ["softmax", "sigmoid"],
        about: "what makes probabilities of the last layer; sigmoids are normalised to a sum of 1",
      },
      dropout: DROPOUT,
    },
    build: (input, classes, { head, dropout }) =>
      alexnetFashion(input, classes, { head: String(head), dropout: Number(dropout) }),
  },
};

type Conv = { filters: number; kernel: number; groups?: number; bias?: number } & Pick<
  Extract<LayerSpec, { kind: "conv2d" }>,
  "stride" | "padding"
>;

const conv = (name: string, init: InitRule | undefined, { bias, ...layer }: Conv): LayerSpec => ({
  kind: "conv2d",
  name,
  ...layer,
  bias: true,
  activation: "relu",
  ...(init ? { kernelInit: init } : {}),
  ...(bias ? { biasInit: { kind: "constant", value: bias } } : {}),
});
const pool = (name: string): LayerSpec => ({ kind: "maxPool", name, size: 3, stride: 2, padding: "valid" });
const drop = (name: string, rate: number): LayerSpec => ({ kind: "dropout", name, rate });
const FLATTEN: LayerSpec = { kind: "flatten", name: "flatten" };

/** Small images are resized with padding, as the Fashion-MNIST recipe does; larger ones are resized. */
function fit224(input: ImageShape): LayerSpec[] {
  return fitTo(input, 224, isSmall(input) ? "resizeWithPad" : "resize");
}

/** Section 3.5 and figure 2; initial values of section 5. Two columns of the figure are two groups, and two towers. */
function alexnet(
  input: ImageShape,
  classes: number,
  { groups, lrn, dropout, width }: { groups: number; lrn: boolean; dropout: number; width: number },
): ModelSpec {
  const init: InitRule = { kind: "normal", stddev: 0.01 };
  const of = (filters: number) => widened(filters, width, 2);
  const normalise = (name: string): LayerSpec[] =>
    lrn ? [{ kind: "lrn", name, size: 5, k: 2, alpha: 1e-4, beta: 0.75 }] : [];
  const ones = { kernelInit: init, biasInit: { kind: "constant", value: 1 } } as const;
  return {
    name: "alexnet",
    source: `${PAPER}, section 3.5`,
    input,
    classes,
    layers: [
      ...fit224(input),
      conv("conv1", init, { filters: of(96), kernel: 11, stride: 4, padding: 2 }),
      ...normalise("lrn1"),
      pool("pool1"),
      conv("conv2", init, { filters: of(256), kernel: 5, padding: "same", groups, bias: 1 }),
      ...normalise("lrn2"),
      pool("pool2"),
      conv("conv3", init, { filters: of(384), kernel: 3, padding: "same" }),
      conv("conv4", init, { filters: of(384), kernel: 3, padding: "same", groups, bias: 1 }),
      conv("conv5", init, { filters: of(256), kernel: 3, padding: "same", groups, bias: 1 }),
      pool("pool5"),
      FLATTEN,
      hidden("fc6", of(4096), ones),
      drop("drop6", dropout),
      hidden("fc7", of(4096), ones),
      drop("drop7", dropout),
      { kind: "dense", name: "fc8", units: classes, bias: true, kernelInit: init },
    ],
    output: "fc8",
    ...(groups === 2 ? { towers: 2 } : {}),
  };
}

/** "One weird trick for parallelizing convolutional neural networks", arXiv:1404.5997; dropout before the dense layers. */
function alexnetOwt(input: ImageShape, classes: number, dropout: number, width: number): ModelSpec {
  const he: InitRule = { kind: "heNormal" };
  const of = (filters: number) => widened(filters, width);
  return {
    name: "alexnet-owt",
    source: "Krizhevsky 2014, arXiv:1404.5997",
    input,
    classes,
    layers: [
      ...fit224(input),
      conv("conv1", he, { filters: of(64), kernel: 11, stride: 4, padding: 2 }),
      pool("pool1"),
      conv("conv2", he, { filters: of(192), kernel: 5, padding: "same" }),
      pool("pool2"),
      conv("conv3", he, { filters: of(384), kernel: 3, padding: "same" }),
      conv("conv4", he, { filters: of(256), kernel: 3, padding: "same" }),
      conv("conv5", he, { filters: of(256), kernel: 3, padding: "same" }),
      pool("pool5"),
      FLATTEN,
      drop("drop6", dropout),
      hidden("fc6", of(4096), { kernelInit: he }),
      drop("drop7", dropout),
      hidden("fc7", of(4096), { kernelInit: he }),
      { kind: "dense", name: "fc8", units: classes, bias: true },
    ],
    output: "fc8",
  };
}

/** The form of the Fashion-MNIST recipe; the article that it is from ends in sigmoids. */
function alexnetFashion(
  input: ImageShape,
  classes: number,
  { head, dropout }: { head: string; dropout: number },
): ModelSpec {
  const sigmoid: LayerSpec[] =
    head === "sigmoid" ? [{ kind: "activation", name: "sigmoids", activation: "logSigmoid" }] : [];
  return {
    name: "alexnet-fashion",
    source: `${PAPER}, for Fashion-MNIST`,
    input,
    classes,
    layers: [
      ...fit224(input),
      conv("conv1", undefined, { filters: 96, kernel: 11, stride: 4, padding: "same" }),
      pool("pool1"),
      conv("conv2", undefined, { filters: 256, kernel: 5, padding: "same" }),
      pool("pool2"),
      conv("conv3", undefined, { filters: 384, kernel: 3, padding: "same" }),
      conv("conv4", undefined, { filters: 384, kernel: 3, padding: "same" }),
      conv("conv5", undefined, { filters: 256, kernel: 3, padding: "same" }),
      pool("pool5"),
      FLATTEN,
      hidden("fc6", 512),
      drop("drop6", dropout),
      hidden("fc7", 256),
      drop("drop7", dropout),
      { kind: "dense", name: "fc8", units: classes, bias: true },
      ...sigmoid,
    ],
    output: sigmoid[0]?.name ?? "fc8",
  };
}
