/** What a worker's process has prepared, for all of its incarnations: TensorFlow is loaded, and the data are read, once. */
import type { PixelStatistics } from "../config/pixel-statistics.js";
import { type Recipe, written } from "../config/recipe.js";
import { canonicalJson } from "../config/resolve.js";
import { OtherRecipe } from "./other-recipe.js";
import type { WorkerOptions, WorkerSetup } from "./worker.js";

export class KeptSetup {
  readonly #open: WorkerOptions["prepare"];
  #kept: { key: string; setup: Promise<WorkerSetup> } | null = null;

  #ready: WorkerSetup | null = null;

  constructor(open: WorkerOptions["prepare"]) {
    this.#open = open;
  }

  /** What was prepared for a recipe, which may since have become longer. Throws OtherRecipe for any other. */
  readonly prepare: WorkerOptions["prepare"] = async (recipe, pixelStatistics, progress) => {
    const key = keyOf(recipe, pixelStatistics);
    this.#kept ??= { key, setup: this.#open(recipe, pixelStatistics, progress) };
    if (this.#kept.key !== key) throw new OtherRecipe("the coordinator trains another recipe now");
    this.#ready = await this.#kept.setup;
    return { ...this.#ready, close: async () => {} };
  };

  /** Frees it, as far as it is there, once no incarnation needs it any more. */
  async close(): Promise<void> {
    await this.#ready?.close();
  }
}

function keyOf(recipe: Recipe, pixelStatistics: PixelStatistics | null): string {
  return canonicalJson({ ...written(recipe), epochs: null, steps: null, pixelStatistics });
}
