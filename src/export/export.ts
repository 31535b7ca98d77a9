/** A checkpoint as a file, or a folder, that other software opens. */
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { encodeSafetensors, type NamedTensor } from "../checkpoint/safetensors.js";
import type { Snapshot } from "../checkpoint/snapshot.js";
import { normalizationOf } from "../config/pixel-statistics.js";
import { CnnDistError, messageOf, UsageError } from "../errors.js";
import type { WeightsKind } from "../events.js";
import { checkpointSpec } from "../models/checkpoint-spec.js";
import { nameOf } from "../models/choice.js";
import { buildModel } from "../models/registry.js";
import type { ModelSpec } from "../models/spec.js";
import { asBytes } from "../parameters/bytes.js";
import { VERSION } from "../version.js";
import { type NewFile, writeWhole } from "../whole-file.js";
import { exportGraph } from "./build-graph.js";
import type { Dialect, ExportGraph } from "./graph.js";
import { kerasArchive } from "./keras.js";
import { KERAS_LAYERS, KERAS_LAYERS_FILE } from "./keras-layers.js";
import { tfjsModel, WEIGHTS_FILE } from "./tfjs.js";
import { otherThanTorchvision, underTorchvisionNames } from "./torchvision-names.js";

export const FORMATS = ["safetensors", "tfjs", "keras"] as const;
export type Format = (typeof FORMATS)[number];

/** Whose names a safetensors file has; torchvision's come with PyTorch's order of a kernel's values. */
export const NAMES = ["cnn-dist", "torchvision"] as const;
export type Names = (typeof NAMES)[number];

export interface Exported {
  /** Every file that was written. */
  files: string[];
  sizeBytes: number;
  /** For the person who opens it. */
  notes: string[];
}

/** Goes with every format, for the person who opens it. */
function factsOf(snapshot: Snapshot, weights: WeightsKind) {
  const { recipe, recipeSha256, image, classNames, step, pixelStatistics } = snapshot;
  const { model } = recipe;
  return {
    model: nameOf(model),
    model_options: model.kind === "table" ? model.options : {},
    input: image,
    classes: classNames.length,
    class_names: classNames,
    dataset: recipe.dataset,
    normalization: normalizationOf(recipe, pixelStatistics),
    step,
    weights,
    recipe_sha256: recipeSha256,
    generated_by: `cnn-dist ${VERSION}`,
  };
}

/**
 * Writes `output` (tfjs: a folder); a file that is there is replaced, once the new one is whole. UsageError `export`
 * for a network that the format cannot hold, or an output that is something else already. `weights`: what the snapshot's
 * are, for the file's metadata.
 */
export async function exportCheckpoint(
  snapshot: Snapshot,
  format: Format,
  output: string,
  names: Names = "cnn-dist",
  weights: WeightsKind = "raw",
): Promise<Exported> {
  if (names !== "cnn-dist" && format !== "safetensors")
    throw new UsageError(
      "export",
      `--names ${names} goes with --format safetensors; the others have names of their own.`,
    );
  switch (format) {
    case "safetensors": {
      if (names === "cnn-dist") return exported([[output, safetensors(snapshot, weights)]]);
      const { pieces, notes } = torchvisionFile(snapshot, weights);
      return { ...(await exported([[output, pieces]])), notes };
    }
    case "keras": {
      const { graph } = graphOf(snapshot, "keras");
      const files: NewFile[] = [[output, kerasArchive(graph, factsOf(snapshot, weights))]];
      if (graph.custom.length > 0)
        files.push([join(dirname(output), KERAS_LAYERS_FILE), [new TextEncoder().encode(KERAS_LAYERS)]]);
      return exported(files);
    }
    case "tfjs": {
      const { graph } = graphOf(snapshot, "tfjs");
      const { json, weights: values } = tfjsModel(graph, factsOf(snapshot, weights), `cnn-dist ${VERSION}`);
      const files: NewFile[] = [
        [join(output, "model.json"), [new TextEncoder().encode(JSON.stringify(json))]],
        [join(output, WEIGHTS_FILE), values.map(asBytes)],
      ];
      if (graph.custom.length > 0) files.push([join(output, "layers.mjs"), [await readFile(TFJS_LAYERS)]]);
      await checkFolder(output);
      return exported(files);
    }
  }
}

const TFJS_LAYERS = fileURLToPath(new URL("./tfjs-layers.js", import.meta.url));

function safetensors(snapshot: Snapshot, weights: WeightsKind): Uint8Array[] {
  return encodeSafetensors(tensorsOf(snapshot), { format: "cnn-dist", ...metadataOf(snapshot, weights) });
}

/** The format's metadata are texts. */
function metadataOf(snapshot: Snapshot, weights: WeightsKind): Record<string, string> {
  return Object.fromEntries(
    Object.entries(factsOf(snapshot, weights)).map(([key, value]) => [
      key,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

/** `pt` is what PyTorch's readers expect as the format. */
function torchvisionFile(snapshot: Snapshot, weights: WeightsKind): { pieces: Uint8Array[]; notes: string[] } {
  const { recipe, image, classNames } = snapshot;
  const { model } = recipe;
  if (model.kind === "file")
    throw new UsageError(
      "export",
      `--names torchvision: the checkpoint is of a model file (${model.path}), which torchvision does not have. Leave --names out.`,
    );
  const spec = buildModel(model.name, { input: image, classes: classNames.length, options: model.options });
  const tensors = underTorchvisionNames(spec, tensorsOf(snapshot));
  const others = otherThanTorchvision(spec);
  const notes =
    others.length === 0
      ? []
      : [
          `torchvision's own ${spec.name} does not take this state dict as it is: ${some(others)}. The network was made for images of ${image.join("x")}${Object.keys(model.options).length === 0 ? "" : ", with options of its own"}.`,
        ];
  return { pieces: encodeSafetensors(tensors, { format: "pt", ...metadataOf(snapshot, weights) }), notes };
}

const SHOWN = 3;

function some(texts: readonly string[]): string {
  return texts.length <= SHOWN
    ? texts.join(", ")
    : `${texts.slice(0, SHOWN).join(", ")} and ${texts.length - SHOWN} more`;
}

function tensorsOf({ layout, weights, state }: Snapshot): NamedTensor[] {
  const tensor =
    (vector: Float32Array) =>
    ({ name, shape, offset, size }: { name: string; shape: readonly number[]; offset: number; size: number }) => ({
      name,
      shape,
      data: vector.subarray(offset, offset + size),
    });
  return [...layout.trainable.map(tensor(weights)), ...layout.state.map(tensor(state))];
}

function graphOf(snapshot: Snapshot, dialect: Dialect): { spec: ModelSpec; graph: ExportGraph } {
  const { model } = snapshot.recipe;
  if (model.kind === "file")
    throw new UsageError(
      "export",
      `the checkpoint is of a model file (${model.path}), which is exported as safetensors alone: load those weights into the model where it was made. Use --format safetensors.`,
    );
  const spec = checkpointSpec(snapshot, model);
  const tensors = new Map(tensorsOf(snapshot).map(({ name, data }) => [name, data]));
  const values = (name: string) => {
    const found = tensors.get(name);
    if (!found) throw new CnnDistError("checkpoint", `the checkpoint has no ${name}, which ${spec.name} needs`);
    return found;
  };
  return {
    spec,
    graph: exportGraph(spec, values, dialect, normalizationOf(snapshot.recipe, snapshot.pixelStatistics)),
  };
}

async function checkFolder(path: string): Promise<void> {
  const names = await readdir(path).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === "ENOENT") return [];
    throw new UsageError("export", `--output ${path}: ${messageOf(error)}. Give a folder for a tfjs model.`);
  });
  if (names.length > 0 && !names.includes("model.json"))
    throw new UsageError(
      "export",
      `--output ${path} is a folder of something else (it holds ${names[0]}). Give a new one.`,
    );
}

/** The files, beside each other. */
async function exported(files: readonly NewFile[]): Promise<Exported> {
  return { sizeBytes: await writeWhole(files), files: files.map(([path]) => path), notes: [] };
}
