/** A checkpoint as a file, or a folder, that other software opens. */
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { encodeSafetensors, type NamedTensor } from "../checkpoint/safetensors.js";
import type { Snapshot } from "../checkpoint/snapshot.js";
import { CnnDistError, messageOf, UsageError } from "../errors.js";
import { checkpointSpec } from "../models/checkpoint-spec.js";
import { nameOf } from "../models/choice.js";
import type { ModelSpec } from "../models/spec.js";
import { asBytes } from "../parameters/bytes.js";
import { VERSION } from "../version.js";
import { exportGraph } from "./build-graph.js";
import type { Dialect, ExportGraph, Normalization } from "./graph.js";
import { kerasArchive } from "./keras.js";
import { KERAS_LAYERS, KERAS_LAYERS_FILE } from "./keras-layers.js";
import { tfjsModel, WEIGHTS_FILE } from "./tfjs.js";

export const FORMATS = ["safetensors", "tfjs", "keras"] as const;
export type Format = (typeof FORMATS)[number];

export interface Exported {
  /** Every file that was written. */
  files: string[];
  sizeBytes: number;
}

function normalizationOf({ recipe, pixelStatistics }: Snapshot): Normalization | null {
  if (recipe.normalization !== "channel" || !pixelStatistics) return null;
  const { mean, deviation } = pixelStatistics;
  return { mean, deviation };
}

/** What goes with every format, for whoever opens it. */
function factsOf(snapshot: Snapshot) {
  const { recipe, recipeSha256, image, classNames, step } = snapshot;
  return {
    model: nameOf(recipe.model),
    input: image,
    classes: classNames.length,
    class_names: classNames,
    dataset: recipe.dataset,
    normalization: normalizationOf(snapshot),
    step,
    recipe_sha256: recipeSha256,
    generated_by: `cnn-dist ${VERSION}`,
  };
}

/**
 * Writes `output` (tfjs: a folder) anew; a file that is there is replaced, once the new one is whole. UsageError `export`
 * for a network that the format cannot hold, or an output that is something else already.
 */
export async function exportCheckpoint(snapshot: Snapshot, format: Format, output: string): Promise<Exported> {
  switch (format) {
    case "safetensors":
      return written(output, [[basename(output), safetensors(snapshot)]]);
    case "keras": {
      const { graph } = graphOf(snapshot, "keras");
      const files: File[] = [[basename(output), kerasArchive(graph, factsOf(snapshot))]];
      if (graph.custom.length > 0) files.push([KERAS_LAYERS_FILE, [new TextEncoder().encode(KERAS_LAYERS)]]);
      return written(output, files);
    }
    case "tfjs": {
      const { graph } = graphOf(snapshot, "tfjs");
      const { json, weights } = tfjsModel(graph, factsOf(snapshot), `cnn-dist ${VERSION}`);
      const files: File[] = [
        ["model.json", [new TextEncoder().encode(JSON.stringify(json))]],
        [WEIGHTS_FILE, weights.map(asBytes)],
      ];
      if (graph.custom.length > 0) files.push(["layers.mjs", [await readFile(TFJS_LAYERS)]]);
      await checkFolder(output);
      return written(join(output, "model.json"), files);
    }
  }
}

const TFJS_LAYERS = fileURLToPath(new URL("./tfjs-layers.js", import.meta.url));

function safetensors(snapshot: Snapshot): Uint8Array[] {
  const facts = Object.entries(factsOf(snapshot)).map(([key, value]): [string, string] => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return encodeSafetensors(tensorsOf(snapshot), Object.fromEntries([["format", "cnn-dist"], ...facts]));
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
  return { spec, graph: exportGraph(spec, values, dialect, normalizationOf(snapshot)) };
}

type File = [name: string, pieces: readonly Uint8Array[]];

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

/** Beside `main`, each under a temporary name first. */
async function written(main: string, files: readonly File[]): Promise<Exported> {
  const folder = dirname(main);
  const temporary: string[] = [];
  let sizeBytes = 0;
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, pieces] of files) {
      const path = join(folder, `.${name}.${process.pid}.tmp`);
      temporary.push(path);
      const file = await open(path, "w");
      try {
        for (const piece of pieces) {
          await file.writeFile(piece);
          sizeBytes += piece.byteLength;
        }
        await file.sync();
      } finally {
        await file.close();
      }
    }
    for (const [index, [name]] of files.entries()) await rename(temporary[index]!, join(folder, name));
  } catch (error) {
    for (const path of temporary) await rm(path, { force: true });
    throw new CnnDistError(
      "output",
      `${main} could not be written: ${messageOf(error)}. Give another place by --output.`,
      {
        cause: error,
      },
    );
  }
  return { files: files.map(([name]) => join(folder, name)), sizeBytes };
}
