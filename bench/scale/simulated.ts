/** What the two sides of a simulated run must agree on: a network of some megabytes, its recipe, its data. */
import type { Fingerprint } from "../../src/config/fingerprint.js";
import type { Recipe } from "../../src/config/recipe.js";
import { resolveRecipe } from "../../src/config/resolve.js";
import { type Layout, layoutOf, type ParameterSpec } from "../../src/parameters/layout.js";
import type { WorkerKey } from "../../src/transport/keys.js";

export interface Simulation {
  workers: number;
  /** Machines that speak for them, equally many each, over TCP with keys; null: each worker speaks for itself. */
  nodes: number | null;
  /** Of parameters; 1 MB is 1,000,000 bytes. */
  megabytes: number;
  /** Of workers that speak for themselves. */
  exchange: "shared-memory" | "ipc" | "tcp";
  optimizer: Recipe["optimizer"];
  /** Steps before those that are measured, and those. */
  warm: number;
  steps: number;
}

/** A group of workers in one process: each with its token, null where it comes as a worker of another host. */
export interface Group {
  endpoint: string;
  megabytes: number;
  tokens: readonly (string | null)[];
}

/** A group of nodes in one process, by their numbers in the run. */
export interface NodeGroup {
  endpoint: string;
  key: WorkerKey;
  nodes: readonly number[];
  /** Of each. */
  workers: number;
}

/** Of an engine that computes nothing. */
export const FINGERPRINT: Fingerprint = {
  software: "simulated",
  tensorflow: "none",
  build: "none",
  device: "simulated",
  instructions: "none",
  onednn: "none",
  threads: 1,
  deterministic: true,
  tf32: false,
};

/** As of the networks: layers of at most 2 MB, in buckets of 4 MB. */
const LAYER_ELEMENTS = 500_000;

export function simulatedLayout(megabytes: number): Layout {
  const elements = Math.round((megabytes * 1e6) / 4);
  const layers = Math.ceil(elements / LAYER_ELEMENTS);
  const parameters = Array.from({ length: layers }, (_, index): ParameterSpec => {
    const size = Math.min(LAYER_ELEMENTS, elements - index * LAYER_ELEMENTS);
    return { name: `layer${index}/kernel`, shape: [size], role: "trainable", init: { kind: "zeros" }, decay: true };
  });
  return layoutOf(parameters);
}

/** One image a shard, one shard a worker. Its network is only named: nobody builds it. */
export function simulatedRecipe({ workers, optimizer, warm, steps }: Simulation): Recipe {
  const data = { height: 28, width: 28, channels: 1, classes: 10, train: workers * (warm + steps + 1), test: 1 };
  const length = { steps: warm + steps, epochs: null };
  const overrides = { dataset: "synthetic", datasetOptions: data, batchSize: workers, shards: workers, optimizer };
  return resolveRecipe({ model: "lenet5", overrides: { ...overrides, ...length }, workers });
}
