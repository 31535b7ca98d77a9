/**
 * Whose code may run. A module is a program: a run's folder or a recipe's file that somebody hands over must not start
 * one. It runs when the user named it, or when path and hash are in the list of modules that this user trained with.
 */
import { appendFileSync, closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { UsageError } from "../errors.js";
import { makeFolder } from "../make-folder.js";
import { stateDirectory } from "../paths.js";
import type { FileModel, ModelChoice } from "./choice.js";
import { isModule } from "./user-file.js";

/** One line of JSON a module: `{"path":…,"sha256":…}`. */
export function trustedModelsFile(env: NodeJS.ProcessEnv = process.env): string {
  return join(stateDirectory(env), "trusted-models.jsonl");
}

/**
 * UsageError `model-not-allowed` for a module that is not in this user's list. Tables and model.json files are data.
 * `ways`: what else the user can do about it, one a line.
 */
export function assertTrusted(model: ModelChoice, file: string, ways: readonly string[]): void {
  if (model.kind === "table" || !isModule(model.path) || isListed(model, file)) return;
  throw new UsageError(
    "model-not-allowed",
    [
      `model ${model.path} (SHA-256 ${model.sha256}) is a program, and it is not among those that you trained with (${file}). It would run with all your rights. If you know it and want that:`,
      ...ways.map((way) => `  - ${way}`),
    ].join("\n"),
  );
}

/** What `resume`, `verify`, `evaluate` and `predict` offer. */
export function waysToTrust({ path }: { path: string }): string[] {
  return [
    "give --trust-model (trustModel: true in the library), for this time",
    `train with it yourself: 'cnn-dist launch --model ${path}' puts it into your list`,
  ];
}

/**
 * Adds a module that the user named. One short line is appended in one write, so two launches at once lose nothing. A
 * home that cannot be written to costs a --trust-model later, and never a training.
 */
export function remember(model: ModelChoice, file: string): void {
  if (model.kind === "table" || !isModule(model.path) || isListed(model, file)) return;
  const { path, sha256 } = model;
  try {
    makeFolder(dirname(file), 0o700);
    appendFileSync(file, `${JSON.stringify({ path, sha256 })}\n`, { mode: 0o600 });
  } catch {}
}

function isListed({ path, sha256 }: FileModel, file: string): boolean {
  const line = JSON.stringify({ path, sha256 });
  return linesOf(file).includes(line);
}

/** None of a list that somebody else owns or may write to. */
function linesOf(file: string): string[] {
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch {
    return [];
  }
  try {
    const { uid, mode } = fstatSync(handle);
    if (uid !== process.getuid?.() || (mode & 0o022) !== 0) return [];
    return readFileSync(handle, "utf8").split("\n");
  } finally {
    closeSync(handle);
  }
}
