/** `cnn-dist summary MODEL`: a network layer by layer, and what it costs, from its table alone; or the layers of a file. */
import { z } from "zod";
import { devicesPerWorker } from "../config/placement.js";
import { resolveRecipe } from "../config/resolve.js";
import { networkShape } from "../data/augment/pipeline.js";
import { datasetFacts } from "../data/datasets.js";
import { EXIT, UsageError } from "../errors.js";
import { bytes, count, plural } from "../format.js";
import { type ModelSummary, predictWorkerBytes, summarize } from "../models/parameters.js";
import { buildModel, expectedOf, type ModelOptions, modelFacts } from "../models/registry.js";
import type { ImageShape } from "../models/spec.js";
import { type TowerCosts, towerCosts } from "../models/tower-costs.js";
import { assertDevices, towersOf } from "../models/tower-devices.js";
import { isModelPath } from "../models/user-file.js";
import { fileSummary } from "./file-summary.js";
import { columns } from "./table.js";
import { flag, pairs } from "./values.js";
import { work } from "./work.js";

const imageShape = z
  .string()
  .regex(/^[1-9]\d{0,4}x[1-9]\d{0,4}x[1-9]\d{0,3}$/, "height x width x channels such as 32x32x3")
  .transform((text): ImageShape => {
    const [height, width, channels] = text.split("x").map(Number);
    return [height!, width!, channels!];
  });

export const command = work(
  {
    model: z.string().min(1),
    modelOption: pairs,
    dataset: z.string().min(1).optional(),
    input: imageShape.optional(),
    classes: z
      .number()
      .int()
      .min(1)
      .max(2 ** 31 - 1)
      .optional(),
    devicesPerWorker: devicesPerWorker.optional(),
    json: flag,
  },
  async ({ modelOption, ...values }, terminal) => {
    const args = { ...values, modelOptions: modelOption };
    const text = isModelPath(args.model) ? await fileSummary(fileOf(args), args.json, terminal) : modelSummary(args);
    terminal.io.stdout.write(text);
    return EXIT.done;
  },
);

export interface SummaryArguments {
  model: string;
  modelOptions?: ModelOptions | undefined;
  /** The shape and classes of a data set … */
  dataset?: string | undefined;
  /** … or both by themselves. Absent: what the network was made for, or the default data set's. */
  input?: ImageShape | undefined;
  classes?: number | undefined;
  /** Images that a worker holds at once. */
  batchSize?: number;
  /** Absent: 1. */
  devicesPerWorker?: number | undefined;
  json: boolean;
}

/** UsageError for an unknown model, data set or option, and for an image that the network cannot take. */
export function modelSummary(args: SummaryArguments): string {
  const batch = args.batchSize ?? 1;
  const { input, classes } = shapeOf(args, modelFacts(args.model).natural);
  const options = args.modelOptions ?? {};
  const spec = buildModel(args.model, { input, classes, options });
  const devices = args.devicesPerWorker ?? 1;
  assertDevices(devices, towersOf({ kind: "table", name: args.model, options }));
  const summary = summarize(spec);
  const towers = devices === 1 ? null : towerCosts(spec);
  const workerBytes = predictWorkerBytes(spec, batch);
  if (args.json) return `${JSON.stringify({ ...toJson(summary, batch, workerBytes), ...towers })}\n`;
  const text = toText(summary, { source: spec.source, batch, workerBytes, options: optionsOf(args) });
  return towers === null ? text : `${text}\n${towersText(towers)}`;
}

function towersText({ devices, crossings }: TowerCosts): string {
  const held = columns(
    ["device", "parameters", "multiply-adds", "activations"],
    devices.map((each, device) => [
      String(device),
      count(each.parameters),
      count(each.multiply_adds),
      bytes(each.activation_bytes),
    ]),
    ["left", "right", "right", "right"],
  );
  const crossed = columns(
    ["crosses for one image, at", "forward", "backward"],
    crossings.map(({ layer, forward_bytes, backward_bytes }) => [layer, bytes(forward_bytes), bytes(backward_bytes)]),
    ["left", "right", "right"],
  );
  return `${held}\n\n${crossed}\n`;
}

/** As `launch` would train it: on the default data set, unless the words say otherwise. */
function fileOf(args: SummaryArguments) {
  const { model, dataset, datasetOptions, augmentation, seed } = resolveRecipe({
    model: args.model,
    overrides: { modelOptions: args.modelOptions && { ...args.modelOptions } },
    workers: 1,
  });
  if (model.kind === "table") throw new Error(`${args.model} is no file`);
  assertDevices(args.devicesPerWorker ?? 1, towersOf(model));
  const { shape, classes } = datasetFacts(dataset, datasetOptions);
  const natural = { input: networkShape(augmentation, shape), classes: classes ?? 1000 };
  return { model, seed, ...shapeOf(args, natural) };
}

function shapeOf(
  args: SummaryArguments,
  natural: { input: ImageShape; classes: number },
): { input: ImageShape; classes: number } {
  if (args.dataset !== undefined && (args.input !== undefined || args.classes !== undefined))
    throw new UsageError(
      "summary-shape",
      `--dataset ${args.dataset} says the input and the classes; give it, or --input and --classes, but not both.`,
    );
  if (args.dataset !== undefined) {
    const { shape, classes } = datasetFacts(args.dataset);
    if (classes === null)
      throw new UsageError(
        "summary-shape",
        `--dataset ${args.dataset} has as many classes as your folders; give --input ${shape.join("x")} and --classes instead.`,
      );
    // As it would train: the recipe of that name may crop or resize.
    const { augmentation } = resolveRecipe({ model: args.model, overrides: {}, workers: 1 });
    return { input: networkShape(augmentation, shape), classes };
  }
  return {
    input: args.input ?? natural.input,
    classes: args.classes ?? natural.classes,
  };
}

function toJson(summary: ModelSummary, batch: number, workerBytes: number): object {
  const { activation_bytes, layers, ...rest } = summary;
  return {
    ...rest,
    batch_size: batch,
    activation_bytes: activation_bytes * batch,
    worker_bytes: workerBytes,
    layers: layers.map((layer) => ({ ...layer, activation_bytes: layer.activation_bytes * batch })),
  };
}

/** Each option with what is in force and what it takes. */
function optionsOf({ model, modelOptions = {} }: SummaryArguments): string[][] {
  return Object.entries(modelFacts(model).options).map(([name, option]) => [
    `option ${name}`,
    `${modelOptions[name] ?? option.initial}, ${option.about} (${expectedOf(option)})`,
  ]);
}

function toText(
  summary: ModelSummary,
  {
    source,
    batch,
    workerBytes,
    options,
  }: { source: string; batch: number; workerBytes: number; options: readonly string[][] },
): string {
  const images = batch === 1 ? "one image" : plural(batch, "image");
  const state = summary.total_parameters - summary.trainable_parameters;
  const table = columns(
    ["layer", "kind", "output", "parameters", "multiply-adds", "activations"],
    summary.layers.map((layer) => [
      layer.name,
      layer.auxiliary ? `${layer.kind} (training)` : layer.kind,
      layer.output.join("x"),
      layer.parameters === 0 ? "" : count(layer.parameters),
      layer.multiply_adds === 0 ? "" : count(layer.multiply_adds),
      bytes(layer.activation_bytes * batch),
    ]),
    ["left", "left", "left", "right", "right", "right"],
  );
  const facts = columns(
    [summary.model, source],
    [
      ["input", `${summary.input.join("x")}, ${plural(summary.classes, "class", "classes")}`],
      [
        "parameters",
        `${count(summary.trainable_parameters)} trainable${state === 0 ? "" : `, ${count(state)} moving statistics`} (${bytes(4 * summary.total_parameters)})`,
      ],
      ...(summary.auxiliary_parameters === 0
        ? []
        : [["in training", `${count(summary.auxiliary_parameters)} more in the auxiliary classifiers`]]),
      ["multiply-adds", `${count(summary.multiply_adds)} forward, for one image`],
      ["activations", `${bytes(summary.activation_bytes * batch)} for ${images}`],
      ...options,
      ["a worker needs", `about ${bytes(workerBytes)} to train on ${images} at a time`],
    ],
    ["left", "left"],
  );
  return `${facts}\n\n${table}\n`;
}
