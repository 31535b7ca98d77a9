/** What a result must not depend on, and what it may: a factor is a row of one of the two tables. */
import type { Placement } from "../../src/config/placement.js";
import type { RecipeOverrides } from "../../src/config/resolve.js";
import { coveringPairs, type Row } from "./covering.js";

interface Choice<T> {
  name: string;
  value: T;
}

const choice = <T>(name: string, value: T): Choice<T> => ({ name, value });
const recipe = (name: string, value: RecipeOverrides) => choice(name, value);

/** One of each is in a recipe. To add a key of the recipe to the matrix, add a line. */
const RECIPE: readonly (readonly Choice<RecipeOverrides>[])[] = [
  [
    recipe("sgd", { optimizer: "sgd", weightDecay: 1e-3 }),
    recipe("momentum", { optimizer: "momentum", weightDecay: 1e-3, weightDecayExclude: "biasAndNorm" }),
    recipe("nesterov", { optimizer: "nesterov" }),
    recipe("adam", { optimizer: "adam" }),
    recipe("adamw", { optimizer: "adamw", weightDecay: 0.1 }),
    recipe("rmsprop", { optimizer: "rmsprop" }),
  ],
  [recipe("", {}), recipe("clipped", { clipGradNorm: 1e-2 })],
  [recipe("fp32", { precision: "fp32" }), recipe("bf16", { precision: "bf16" })],
  [recipe("", {}), recipe("accumulate 2", { accumulate: 2 })],
  [recipe("", {}), recipe("ema", { ema: 0.5 })],
  ["none", "bf16", "fp16", "topk:0.1"].map((compress) => recipe(compress === "none" ? "" : compress, { compress })),
];

export const PATHS = ["shared memory", "ipc frames", "TCP frames"] as const;
export type Path = (typeof PATHS)[number];
/** Buckets of the network that is trained (test/fixtures/models/buckets.mjs). */
const BUCKETS = 2;

const PLACEMENT = [
  PATHS.map((path) => choice(path, path)),
  [1, 2, 3].map((workers) => choice(`${workers} workers`, workers)),
  [choice("", null), ...[...Array(BUCKETS).keys()].map((bucket) => choice(`killed after bucket ${bucket}`, bucket))],
] as const;

export interface Case {
  recipe: RecipeOverrides;
  path: Path;
  workers: number;
  /** The last worker is killed after this bucket; null: none. */
  killedAfter: number | null;
  name: string;
}

/** Nobody starts a worker again that came over TCP: one at least must be left. */
const allowed = (path: Path, workers: number, killedAfter: number | null) =>
  killedAfter === null || workers > 1 || path !== "TCP frames";

function caseOf(row: Row): Case {
  const [ofRecipe, [path, workers, killedAfter]] = [row.slice(0, RECIPE.length), row.slice(RECIPE.length)];
  const chosen = ofRecipe.map((value, factor) => RECIPE[factor]![value]!);
  const placed = [PLACEMENT[0][path!]!, PLACEMENT[1][workers!]!, PLACEMENT[2][killedAfter!]!] as const;
  const words = [...chosen, ...placed].map(({ name }) => name).filter((name) => name !== "");
  return {
    recipe: Object.assign({}, ...chosen.map(({ value }) => value)) as RecipeOverrides,
    path: placed[0].value,
    workers: placed[1].value,
    killedAfter: placed[2].value,
    name: words.join(", "),
  };
}

/**
 * Pairs of cases of one recipe, which must end in the same bits, in which every combination of values of any `strength`
 * rows of the tables occurs.
 */
export function pairsOf(strength: number): [Case, Case][] {
  const sizes = [...RECIPE, ...PLACEMENT].map(({ length }) => length);
  const fits = (row: Row) => {
    const { path, workers, killedAfter } = caseOf(row);
    return allowed(path, workers, killedAfter);
  };
  return coveringPairs({ sizes, shared: RECIPE.length, allowed: fits }, strength).map(([first, second]) => [
    caseOf(first),
    caseOf(second),
  ]);
}

export const exchangeOf = (path: Path): Placement["exchange"] =>
  path === "shared memory" ? "shared-memory" : "frames";
