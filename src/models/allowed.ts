/** What a worker does with a model that the coordinator names: a hash, to be found among the files that its own user named. */
import { basename } from "node:path";
import { UsageError } from "../errors.js";
import type { ModelChoice } from "./choice.js";
import { readUserModelFile } from "./user-file.js";

/**
 * The same model with the path that it has here. Files are read and hashed, none is run. UsageError `model-not-allowed`
 * where the user named no file of that hash.
 */
export function allowedModel(model: ModelChoice, files: readonly string[]): ModelChoice {
  if (model.kind === "table") return model;
  const here = files.map((file) => readUserModelFile(file));
  const found = here.find(({ sha256 }) => sha256 === model.sha256);
  if (found) return { ...model, path: found.path };
  const name = JSON.stringify(basename(model.path)); // a stranger's word: quoted, and never a path
  const others = here.map(({ path, sha256 }) => `${path} (SHA-256 ${sha256})`).join(", ");
  const named = others === "" ? "none was named" : `named were ${others}`;
  throw new UsageError(
    "model-not-allowed",
    `the coordinator trains a model file, ${name} with SHA-256 ${model.sha256}; this worker runs only files that its own user names: ${named}. ` +
      "If you trust the coordinator and have that very file, start the worker with --model-file PATH.",
  );
}
