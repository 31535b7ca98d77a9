/** A run's recipe and network as words and values that other programs show. Pure. */
import type { PlanEvent } from "../events.js";
import { count } from "../format.js";
import { parametersOf } from "../models/parameters.js";
import { buildModel } from "../models/registry.js";
import { shapesOf } from "../models/shapes.js";
import type { ModelSpec } from "../models/spec.js";

export type Parameter = string | number | boolean;

/** The recipe, flat: `modelOptions.width`. What is not used is left out. */
export function parametersOfRecipe({ recipe }: PlanEvent): Record<string, Parameter> {
  return Object.fromEntries(Object.entries(recipe).flatMap(([key, value]) => flat(key, value)));
}

function flat(key: string, value: unknown): [string, Parameter][] {
  if (value === null || value === undefined) return [];
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return [[key, value]];
  if (Array.isArray(value)) return value.length === 0 ? [] : [[key, JSON.stringify(value)]];
  return Object.entries(value).flatMap(([inner, each]) => flat(`${key}.${inner}`, each));
}

/** The network's table; null for a model of the user's own. */
export function networkOf({ recipe, input, classes }: PlanEvent): ModelSpec | null {
  if (recipe.modelSha256 !== null) return null;
  return buildModel(recipe.model, { input, classes, options: recipe.modelOptions });
}

/** Layer by layer, as a table in Markdown. */
export function networkWords(spec: ModelSpec): string {
  const shapes = shapesOf(spec);
  const sizes = new Map<string, number>();
  for (const { name, shape } of parametersOf(spec)) {
    const layer = name.slice(0, name.lastIndexOf("/"));
    sizes.set(layer, (sizes.get(layer) ?? 0) + shape.reduce((product, dim) => product * dim, 1));
  }
  const rows = spec.layers.map(
    ({ name, kind }) => `| ${name} | ${kind} | ${shapes.get(name)!.join("x")} | ${count(sizes.get(name) ?? 0)} |`,
  );
  return ["| layer | kind | output | parameters |", "| --- | --- | --- | ---: |", ...rows].join("\n");
}

export function recipeWords(plan: PlanEvent): string {
  const rows = Object.entries(parametersOfRecipe(plan)).map(
    ([key, value]) => `| ${key} | ${String(value).replaceAll("|", "\\|")} |`,
  );
  return ["| key | value |", "| --- | --- |", ...rows, `| recipe_sha256 | ${plan.recipe_sha256} |`].join("\n");
}
