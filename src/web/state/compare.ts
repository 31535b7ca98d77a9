/** What runs have in common and what not. Pure. */
import type { DoneEvent, NotStartedEvent, PlanEvent } from "../../events.js";
import type { Curves } from "./curves.js";
import type { TestPoint } from "./run-state.js";

/** What is drawn and compared of a run. */
export interface RunCurves {
  name: string;
  plan: PlanEvent | null;
  curves: Curves;
  tests: TestPoint[];
  done: DoneEvent | NotStartedEvent | null;
}

export interface Difference {
  key: string;
  /** Of each run, in order; undefined: the recipe does not have the key. */
  values: unknown[];
}

/** Keys of the recipes whose values are not the same in all runs, in the order of the first recipe. */
export function differingKeys(runs: readonly RunCurves[]): Difference[] {
  const recipes = runs.map(({ plan }): Readonly<Record<string, unknown>> => plan?.recipe ?? {});
  const keys = [...new Set(recipes.flatMap((recipe) => Object.keys(recipe)))];
  return keys
    .map((key) => ({ key, values: recipes.map((recipe) => recipe[key]) }))
    .filter(({ values }) => new Set(values.map((value) => JSON.stringify(value) ?? "")).size > 1);
}

/** Whether they are the same recipe, and whether they ended in the same weights, in words. */
export function verdictOf(runs: readonly RunCurves[]): string[] {
  if (runs.length < 2) return [];
  return [recipeVerdict(runs), weightsVerdict(runs)];
}

function recipeVerdict(runs: readonly RunCurves[]): string {
  const groups = grouped(runs, ({ plan, done }) => done?.recipe_sha256 ?? plan?.recipe_sha256 ?? null);
  if (groups.same && groups.unknown.length === 0)
    return `${all(runs)} have the same recipe_sha256: on one engine they must end in the same weights.`;
  return `The runs have different recipe_sha256: nothing promises that they end in the same weights.${unknownWords(groups.unknown, "has no plan yet", "have no plan yet")}`;
}

function weightsVerdict(runs: readonly RunCurves[]): string {
  const { same, unknown, known } = grouped(runs, ({ done }) => done?.weights_sha256 ?? null);
  const not = unknownWords(unknown, "has not ended", "have not ended");
  if (known.length < 2) return `Their weights cannot be compared yet.${not}`;
  const steps = new Set(known.map(({ done }) => done?.step));
  const at = steps.size > 1 ? " They ended after different steps." : "";
  if (same) return `${all(known)} ended in the same weights: equal weights_sha256.${not}`;
  const recipes = new Set(known.map(({ done }) => done?.recipe_sha256));
  const broken =
    recipes.size === 1 && steps.size === 1
      ? " One recipe, and other bits: the engines differ, or something is wrong. See 'cnn-dist verify'."
      : "";
  return `The runs ended in different weights: their weights_sha256 differ.${at}${broken}${not}`;
}

function grouped(runs: readonly RunCurves[], of: (run: RunCurves) => string | null) {
  const known = runs.filter((run) => of(run) !== null);
  return {
    known,
    unknown: runs.filter((run) => of(run) === null).map(({ name }) => name),
    same: new Set(known.map(of)).size === 1,
  };
}

function unknownWords(names: readonly string[], one: string, many: string): string {
  return names.length === 0 ? "" : ` ${names.join(", ")} ${names.length === 1 ? one : many}.`;
}

const all = (runs: readonly unknown[]) => (runs.length === 2 ? "Both runs" : `All ${runs.length} runs`);
