/** Which network a recipe trains: one of the tables, or a file of the user's own. */
import type { ModelOptions } from "./registry.js";

export interface TableModel {
  kind: "table";
  name: string;
  options: ModelOptions;
}

/** A model.json or a module. The hash says which model it is; the path only where this machine has it. */
export interface FileModel {
  kind: "file";
  /** Absolute where the recipe was resolved on this machine. */
  path: string;
  /** Of the file, followed by the weight files that a model.json names. */
  sha256: string;
}

export type ModelChoice = TableModel | FileModel;

/** For messages and titles: the network's name, or the file's path. */
export function nameOf(model: ModelChoice): string {
  return model.kind === "table" ? model.name : model.path;
}
