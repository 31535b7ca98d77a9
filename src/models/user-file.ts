/** The files of a user's model: found, told apart and hashed, without TensorFlow. */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";
import { messageOf, UsageError } from "../errors.js";

export interface UserModelFile {
  /** Absolute. */
  path: string;
  /** A tfjs or Keras model.json, or an ES or CommonJS module that exports `createModel`. */
  kind: "json" | "module";
  /** Of the file, followed by the weight files that a model.json names: what a recipe records. */
  sha256: string;
}

/** What we read of a model.json; the rest is tfjs's affair. */
export interface ModelJson {
  format?: unknown;
  modelTopology?: unknown;
  weightsManifest?: readonly { paths: readonly string[]; weights: readonly unknown[] }[];
}

const KINDS: Readonly<Record<string, UserModelFile["kind"]>> = {
  ".json": "json",
  ".js": "module",
  ".mjs": "module",
  ".cjs": "module",
  ".ts": "module",
  ".mts": "module",
  ".cts": "module",
};

/** Whether `--model` names a file rather than one of the networks. */
export function isModelPath(name: string): boolean {
  return /[/\\]/.test(name) || extname(name) in KINDS;
}

/** Whether the file is a program; a model.json is data. What has no known ending is a program until it is read. */
export function isModule(path: string): boolean {
  return KINDS[extname(path).toLowerCase()] !== "json";
}

/** UsageError `model-file` for a file that is missing, unreadable or of another kind, and for one that Node cannot run. */
export function readUserModelFile(
  path: string,
  { runsTypescript = "typescript" in process.features && process.features.typescript !== false } = {},
): UserModelFile {
  const absolute = resolve(path);
  const kind = KINDS[extname(absolute).toLowerCase()];
  const content = readModelBytes(absolute);
  if (!kind)
    throw new UsageError(
      "model-file",
      `model ${path}: expected a model.json (tfjs layers model) or a .js, .mjs, .cjs or .ts module that exports createModel; received a file that ends in "${extname(absolute)}". Keras's .h5 and .keras files can be converted with tensorflowjs_converter.`,
    );
  if (!runsTypescript && /ts$/i.test(absolute))
    throw new UsageError(
      "model-file",
      `model ${path}: Node ${process.versions.node} does not run TypeScript. Use Node 22.18 or later, or compile the file and give the .js.`,
    );
  const hash = createHash("sha256").update(content);
  if (kind === "json")
    for (const shard of weightPaths(absolute, parseModelJson(absolute, content))) hash.update(readModelBytes(shard));
  return { path: absolute, kind, sha256: hash.digest("hex") };
}

/** UsageError `model-differs` unless the file that is here is the one that the run was begun with. */
export function assertSameModel({ path, sha256 }: { path: string; sha256: string }, here: string): void {
  if (here === sha256) return;
  throw new UsageError(
    "model-differs",
    `the model ${path} is not the one that this run was begun with (SHA-256 ${here}, expected ${sha256}). Put the old file back, or start a new run.`,
  );
}

export function readModelBytes(path: string): Buffer {
  try {
    if (statSync(path).isDirectory())
      throw new UsageError("model-file", `model ${path} is a directory; give the model.json in it.`);
    return readFileSync(path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new UsageError(
      "model-file",
      missing ? `model file ${path} does not exist.` : `model file ${path} cannot be read: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

export function parseModelJson(path: string, content: Uint8Array): ModelJson {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(content));
  } catch (error) {
    throw new UsageError("model-file", `model ${path} is not JSON: ${messageOf(error)}`, { cause: error });
  }
  const json = (typeof parsed === "object" && parsed !== null ? parsed : {}) as ModelJson & { class_name?: unknown };
  if (json.format === "graph-model")
    throw new UsageError(
      "model-file",
      `model ${path} is a tfjs graph model, which cannot be trained. Convert it again with --output_format tfjs_layers_model.`,
    );
  // What Python's model.to_json() writes is the topology alone.
  if (json.modelTopology === undefined && typeof json.class_name === "string") return { modelTopology: json };
  if (typeof json.modelTopology !== "object" || json.modelTopology === null)
    throw new UsageError(
      "model-file",
      `model ${path} has no modelTopology; expected a tfjs layers model, as model.save() of tfjs and tensorflowjs_converter write it.`,
    );
  return json;
}

/** In the manifest's order. */
export function weightPaths(path: string, { weightsManifest }: ModelJson): string[] {
  return (weightsManifest ?? []).flatMap(({ paths }) => paths.map((each) => resolve(dirname(path), each)));
}
