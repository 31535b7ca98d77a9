/** Which shards and ranges a step has. Pure. */
import { indicesOf } from "../data/order.js";
import { blockAround } from "../parameters/blocks.js";
import { coverOf, type Range, rangeKey } from "../parameters/tree.js";
import type { StepPlan } from "./workers.js";

export class StepShape {
  readonly #plan: Pick<StepPlan, "shards" | "block" | "empty">;

  constructor(plan: Pick<StepPlan, "shards" | "block" | "empty">) {
    this.#plan = plan;
  }

  /** Shards of a range that have samples. */
  present(range: Range): number[] {
    return indicesOf(range).filter((shard) => !this.#plan.empty.includes(shard));
  }

  all(): number[] {
    return this.present({ start: 0, end: this.#plan.shards });
  }

  /** Whether the range is a node of this step's tree; a sum of any other would be added in another order. */
  isNode(range: Range): boolean {
    const { shards } = this.#plan;
    return range.start < range.end && range.end <= shards && coverOf(indicesOf(range), shards).length === 1;
  }

  isBlock(range: Range): boolean {
    const { block, shards } = this.#plan;
    return rangeKey(range) === rangeKey(blockAround(range.start, block, shards));
  }
}
