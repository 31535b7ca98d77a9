/** How a run's own workers exchange with its coordinator. */
import type { Placement } from "../config/placement.js";
import type { Start } from "../coordinator/coordinator.js";
import { globalBatch } from "../data/order.js";
import { placesOf } from "../exchange/places.js";
import { bytes } from "../format.js";
import { slotNamesOf } from "../optim/optimizers.js";
import { blockSize } from "../parameters/blocks.js";
import type { Exchange } from "../protocol/messages.js";

export interface ExchangeChoice {
  exchange: Exchange;
  /** Shards that one worker adds before it hands a gradient over; over frames it adds as many as it can anyway. */
  block: number;
  /** Why it is not what was to be expected. */
  warning: string | null;
}

/**
 * `auto` takes shared memory where there is enough; of a model of the user's own nobody knows yet how much it takes.
 * `availableBytes`: what this process may still take.
 */
export function chooseExchange(
  wished: Placement["exchange"],
  { recipe, values }: Pick<Start, "recipe" | "values">,
  { local, workers, availableBytes }: { local: boolean; workers: number; availableBytes: number },
): ExchangeChoice {
  if (!local || wished === "frames") return { exchange: "frames", block: 1, warning: null };
  const known = wished === "auto" && values !== "from the first worker";
  const { shards } = globalBatch(recipe);
  const block = blockSize({ shards, accumulate: recipe.accumulate, workers });
  const contents = {
    shards,
    block,
    ema: recipe.ema !== null,
    compressed: recipe.compress !== "none",
    slotNames: slotNamesOf(recipe.optimizer),
  };
  const needed = known ? placesOf(values.layout, contents).bytes : 0;
  if (needed <= availableBytes) return { exchange: "shared-memory", block, warning: null };
  return {
    exchange: "frames",
    block: 1,
    warning: `shared memory for the exchange would take ${bytes(needed)}, and ${bytes(availableBytes)} are free: gradients go through sockets instead, which is slower and leads to the same result`,
  };
}
