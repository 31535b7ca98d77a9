/** `cnn-dist completion`: what makes a shell complete commands, options and their values. */
import { readdirSync } from "node:fs";
import { z } from "zod";
import { placementSchema } from "../config/placement.js";
import { writtenRecipeSchema } from "../config/recipe.js";
import { RECIPES_DIR } from "../config/resolve.js";
import { datasetNames } from "../data/datasets.js";
import { EXIT } from "../errors.js";
import { FORMATS, NAMES } from "../export/export.js";
import { pictureSchema } from "../library/options.js";
import { modelNames } from "../models/registry.js";
import type { Command } from "./command.js";
import { HELP_TOPICS } from "./help-topics.js";
import { SORT_KEYS } from "./runs-table.js";
import { bashScript, type Completed, fishScript, type Values, zshScript } from "./shell-scripts.js";
import { work } from "./work.js";

const SHELLS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

export const completionOf = (commands: readonly Command[]) =>
  work({ shell: z.enum(Object.keys(SHELLS) as (keyof typeof SHELLS)[]).optional() }, async ({ shell }, { io }) => {
    const chosen = shell ?? shellOf(io.env.SHELL ?? "");
    io.stdout.write(SHELLS[chosen](commands.map(completed)));
    return EXIT.done;
  });

/** Of the person that asks; bash where it is another one. */
function shellOf(path: string): keyof typeof SHELLS {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return name in SHELLS ? (name as keyof typeof SHELLS) : "bash";
}

function completed({ name, describe, positionals, options }: Command): Completed {
  return {
    name,
    describe,
    positionals: positionals.map((each) => ({ values: positionalValues(name, each.name), many: each.many ?? false })),
    options: options.flatMap(({ flag, alias, describe, kind, key }) =>
      [flag, ...(alias === undefined ? [] : [alias])].map((each) => ({
        flag: each,
        describe,
        values: kind === "boolean" ? null : optionValues(flag, key),
      })),
    ),
  };
}

/** Where it is not the recipe's or the placement's schema that says what an option takes. */
function optionValues(flag: string, key: string | undefined): Values {
  switch (flag) {
    case "model":
      return { words: modelNames(), files: true };
    case "dataset":
      return { words: datasetNames() };
    case "recipe":
      return { words: recipeNames(), files: true };
    case "format":
      return { words: FORMATS };
    case "names":
      return { words: NAMES };
    case "what":
      return { words: pictureSchema.shape.what.options };
    case "sort":
      return { words: SORT_KEYS };
    case "data-dir":
    case "run-dir":
      return { folders: true };
    case "init-weights":
    case "image":
    case "output":
    case "trace":
    case "keys":
    case "model-file":
      return { files: true };
    default:
      return { words: key === undefined ? [] : namedBy(key) };
  }
}

function positionalValues(command: string, name: string): Values {
  if (command === "help") return { words: HELP_TOPICS };
  if (command === "completion") return { words: Object.keys(SHELLS) };
  if (command === "keys" && name === "action") return { words: ["list", "create", "revoke"] };
  if (command === "runs" && name === "what") return { words: ["compare", "delete", "hide", "show"], folders: true };
  if (name === "model") return { words: modelNames(), files: true };
  if (name === "image") return { files: true };
  return name === "run-dir" || name === "checkpoint" || name === "run"
    ? { runs: true, folders: true }
    : { files: true };
}

/** The values of an enumeration in the recipe or the placement; none for other keys. */
function namedBy(key: string): string[] {
  const shape: Readonly<Record<string, z.ZodType>> = { ...writtenRecipeSchema.shape, ...placementSchema.shape };
  const schema = shape[key];
  if (!schema) return [];
  const json = z.toJSONSchema(schema, { unrepresentable: "any", io: "input" });
  return (json.enum ?? []).map(String);
}

function recipeNames(): string[] {
  return readdirSync(RECIPES_DIR)
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.slice(0, -".json".length));
}
