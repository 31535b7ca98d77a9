/** What a run's recipe and its placement cannot do together. */
import { UsageError } from "../errors.js";
import type { StartOptions } from "./context.js";

export function checkCombinations({ recipe, placement, nodes }: StartOptions): void {
  const { compress } = recipe;
  if (nodes && compress !== "none")
    throw new UsageError(
      "config",
      `--compress ${compress} is not possible over several machines yet: a node adds its workers' gradients before they travel, and what compression keeps back belongs to single shards. Leave --compress out, or train on one machine.`,
    );
  if (placement.backupShards && compress !== "none")
    throw new UsageError(
      "config",
      `--backup-shards and --compress ${compress} cannot be combined: what compression keeps back of a shard is with the one worker that computed it. Leave one of them out.`,
    );
  if (placement.backupShards && nodes)
    throw new UsageError(
      "config",
      "--backup-shards is not possible over several machines' nodes yet: their workers share memory, where a late result could come into a later step. Leave it out, or start the workers by hand (cnn-dist worker).",
    );
}
