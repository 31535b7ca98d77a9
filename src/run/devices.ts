/** How many workers a run has, and on what: asked once, so that recipe and run never disagree. */
import type { Placement } from "../config/placement.js";
import type { Recipe } from "../config/recipe.js";
import { type RecipeRequest, resolveRecipe } from "../config/resolve.js";
import { type AssignedDevice, assignDevices, type Gpu, listGpus } from "../engine/gpus.js";

export interface Where {
  placement: Pick<Placement, "workers" | "device" | "devicesPerWorker">;
  /** Workers come from elsewhere, and their devices are not known here. */
  remote: boolean;
  /** Machines, each with as many workers as this one [1]. */
  nodes?: number;
  gpus?: () => Promise<readonly Gpu[]>;
}

export interface Devices {
  /** What each worker has. */
  devices: readonly AssignedDevice[];
  warnings: readonly string[];
}

/** UsageError where GPUs were asked for and there are none, or too few. */
export async function devicesFor({ placement, remote, gpus = listGpus }: Where): Promise<Devices> {
  const { workers, device, devicesPerWorker } = placement;
  if (remote)
    return {
      devices: Array.from({ length: workers ?? 1 }, () => ({ kind: "cpu", name: "remote", count: 1, env: {} })),
      warnings: [],
    };
  return assignDevices({ workers, device, devicesPerWorker, gpus: device === "cpu" ? [] : await gpus() });
}

/** The recipe in force: without a number of shards in it, the number follows the workers that the machines will start. */
export async function recipeFor(request: Omit<RecipeRequest, "workers">, where: Where): Promise<Recipe> {
  const { devices } = await devicesFor(where);
  return resolveRecipe({ ...request, workers: devices.length * (where.nodes ?? 1) });
}
