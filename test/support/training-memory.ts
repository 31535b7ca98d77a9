/** A run's memory as its coordinator has it. */
import { SharedFile } from "../../src/exchange/mapping.js";
import { TrainingMemory } from "../../src/exchange/training-memory.js";
import type { OptimizerConfig } from "../../src/optim/optimizer.js";
import type { Layout } from "../../src/parameters/layout.js";
import { ADD } from "../../src/parameters/tree.js";
import { testRecipe } from "./recipe.js";

export function trainingMemory(
  layout: Layout,
  {
    shards = 4,
    block = 1,
    optimizer = {},
    ema = null,
    compressed = false,
  }: {
    shards?: number;
    block?: number;
    optimizer?: Partial<OptimizerConfig>;
    ema?: number | null;
    compressed?: boolean;
  } = {},
): TrainingMemory {
  const recipe = testRecipe();
  const config = { ...recipe, name: recipe.optimizer, ...optimizer };
  return new TrainingMemory(
    SharedFile.create(),
    { layout, shards, block, optimizer: config, undecayed: [], ema, compressed },
    { shared: false },
  );
}

/** Where gradients lie in a test without a run's memory, and the sum that a program of additions makes of them. */
export class Shelf {
  readonly #vectors = new Map<string, Float32Array>();

  place(shard: number, bucket: number, size: number): Float32Array {
    const key = `${shard}/${bucket}`;
    const vector = this.#vectors.get(key) ?? new Float32Array(size);
    this.#vectors.set(key, vector);
    return vector;
  }

  sum(bucket: number, additions: readonly number[]): Float32Array {
    const stack: Float32Array[] = [];
    for (const word of additions) {
      if (word !== ADD) stack.push(this.#vectors.get(`${word}/${bucket}`)!.slice());
      else {
        const right = stack.pop()!;
        stack.push(stack.pop()!.map((value, index) => value + right[index]!));
      }
    }
    return stack[0]!;
  }
}
