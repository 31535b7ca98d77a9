/** What compressed gradients take on their way to the coordinator, and what they would take as they are. Pure. */
import type { Recipe } from "../config/recipe.js";
import { globalBatch, indicesOf } from "../data/order.js";
import { compressorOf } from "../exchange/compression.js";
import { bytes } from "../format.js";
import { divide } from "../parameters/divide.js";
import type { Layout } from "../parameters/layout.js";
import { coverOf } from "../parameters/tree.js";

/** For the plan of a run whose gradients travel as frames and whose workers have several shards each; else none. */
export function compressionNotice(recipe: Recipe, layout: Layout, workers: number): string[] {
  const compressor = compressorOf(recipe.compress);
  const { shards } = globalBatch(recipe);
  if (!compressor || shards <= workers) return [];
  const one = layout.buckets.reduce((sum, { size }) => sum + compressor.bytesOf(size), 0);
  const whole = layout.parameters * 4;
  const sums = divide(indicesOf({ start: 0, end: shards }), workers).flatMap((block) => coverOf(block, shards)).length;
  return [
    `--compress ${recipe.compress}: the gradients of shards travel alone, ${shards} of ${bytes(one)}, ${bytes(shards * one)} a step in all; without it ${workers === 1 ? "the worker" : `${workers} workers`} would add first and send ${sums} of ${bytes(whole)}, ${bytes(sums * whole)}. The fewer shards a worker has, the more it saves`,
  ];
}
