/** Two runs or more, side by side: which keys of their recipes differ, and whether recipes and weights are equal. Pure. */
import type { DifferingKey, RunComparison, RunRow } from "./types.js";

type Value = DifferingKey["values"][number];
interface Compared {
  row: RunRow;
  recipe: Readonly<Record<string, unknown>>;
}

/** What an absent key means, for those that are not written where they have their usual value. */
export type Unwritten = Readonly<Record<string, unknown>>;

export function compareRuns(runs: readonly Compared[], unwritten: Unwritten): RunComparison {
  const flat = runs.map(({ recipe }) => flattened({ ...unwritten, ...recipe }));
  const keys = [...new Set(flat.flatMap((each) => [...each.keys()]))];
  const differing = keys
    .map((key) => ({ key, values: flat.map((each) => each.get(key) ?? null) }))
    .filter(({ values }) => new Set(values).size > 1);
  const rows = runs.map(({ row }) => row);
  const same_recipe = allEqual(rows.map(({ recipe_sha256 }) => recipe_sha256));
  const same_weights = allEqual(rows.map(({ weights_sha256 }) => weights_sha256));
  return {
    runs: rows,
    differing,
    same_recipe,
    same_weights,
    words: wordsOf(rows, { differing, same_recipe, same_weights }),
  };
}

/** `modelOptions.width` for what lies deeper; lists as they are written. */
function flattened(recipe: Readonly<Record<string, unknown>>, prefix = ""): Map<string, Value> {
  const flat = new Map<string, Value>();
  for (const [key, value] of Object.entries(recipe)) {
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      for (const [inner, each] of flattened(value as Record<string, unknown>, `${prefix}${key}.`))
        flat.set(inner, each);
    else flat.set(prefix + key, isPlain(value) ? value : JSON.stringify(value));
  }
  return flat;
}

const isPlain = (value: unknown): value is Value =>
  value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean";

/** Null where one is not known. */
function allEqual(values: readonly (string | null)[]): boolean | null {
  if (values.includes(null)) return null;
  return new Set(values).size === 1;
}

function wordsOf(
  rows: readonly RunRow[],
  { differing, same_recipe, same_weights }: Pick<RunComparison, "differing" | "same_recipe" | "same_weights">,
): string[] {
  const all = rows.length === 2 ? "both" : `all ${rows.length}`;
  return [recipeWords(differing, same_recipe, all), weightsWords(rows, same_recipe, same_weights, all)];
}

function recipeWords(differing: RunComparison["differing"], same: boolean | null, all: string): string {
  const keys = differing.map(({ key }) => key).join(", ");
  if (same === null)
    return keys === ""
      ? "The recipes that they began with are equal; of a run that has not begun its hash is not known."
      : `The recipes differ in ${keys}; of a run that has not begun the hash is not known.`;
  if (same) return `The recipe is the same (equal recipe_sha256): ${all} compute the same on whatever machines.`;
  return keys === ""
    ? "The recipes that they began with are equal, and recipe_sha256 is not: a resume changed the length of one, or their engines differ."
    : `The recipes are different (recipe_sha256): ${keys}.`;
}

function weightsWords(rows: readonly RunRow[], sameRecipe: boolean | null, same: boolean | null, all: string): string {
  if (same === null) {
    const open = rows.filter(({ weights_sha256 }) => weights_sha256 === null).map(({ name }) => name);
    return `Whether the weights are equal is not known: ${open.join(", ")} ${open.length === 1 ? "has" : "have"} not told weights_sha256, which comes with the end of a run.`;
  }
  const sameStep = new Set(rows.map(({ step }) => step)).size === 1;
  if (same) return `The weights are the same, bit by bit (equal weights_sha256): ${all} learned one network.`;
  if (!sameStep)
    return `The weights are different, after different steps (${rows.map(({ step }) => step).join(", ")}).`;
  return sameRecipe
    ? "The weights are different though recipe and step are the same: this must not be. 'cnn-dist verify' of each run finds the step and the parameter."
    : "The weights are different, as they are with different recipes.";
}
