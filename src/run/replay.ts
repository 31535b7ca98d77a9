/** replay.jsonl: what the first steps of a run left, for `verify`. One line a step, with the run's length at that step. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { z } from "zod";
import type { Snapshot } from "../checkpoint/snapshot.js";
import { fingerprintSchema } from "../config/fingerprint.js";
import type { Recipe } from "../config/recipe.js";
import { messageOf, UsageError } from "../errors.js";
import { hashesOf } from "../parameters/hash.js";

/** Steps at the start of a run that are recorded. */
const REPLAY_STEPS = 10;

export const REPLAY_FILE = "replay.jsonl";

const entrySchema = z.object({
  step: z.number().int(),
  loss: z.number().nullable(),
  weights_sha256: z.string(),
  parameters: z.record(z.string(), z.string()),
  /** Of the engine that computed it; older versions did not record it. */
  fingerprint: fingerprintSchema.nullable().default(null),
  /** The recipe's length when the step was made: a resume may change it, and some schedules depend on it. */
  length: z.object({ epochs: z.number().int().nullable(), steps: z.number().int().nullable() }).optional(),
});
export type ReplayEntry = z.infer<typeof entrySchema>;
export type Length = Pick<Recipe, "epochs" | "steps">;

export function isReplayed({ step }: Snapshot): boolean {
  return step <= REPLAY_STEPS;
}

/** Hashes the weights while others have their turn; the snapshot's vectors must stay as they are until it resolves. */
export async function replayEntry(snapshot: Snapshot): Promise<ReplayEntry> {
  const { step, loss, layout, recipe, fingerprint } = snapshot;
  const { weightsSha256, parameters } = await hashesOf(layout, snapshot, () => turn());
  return {
    step,
    loss,
    fingerprint,
    weights_sha256: weightsSha256,
    parameters,
    length: { epochs: recipe.epochs, steps: recipe.steps },
  };
}

/** By step. UsageError `verify` when there is nothing, or when a line is damaged. */
export function readReplay(runDir: string): ReplayEntry[] {
  const path = join(runDir, REPLAY_FILE);
  let text: string;
  try {
    text = readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new UsageError(
      "verify",
      `${path} cannot be read (${messageOf(error)}): the run has no committed step to compare with`,
      { cause: error },
    );
  }
  if (text === "") throw new UsageError("verify", `${path} is empty: the run has no committed step to compare with`);
  return newestOf(
    text.split("\n").map((line, index) => {
      try {
        return entrySchema.parse(JSON.parse(line));
      } catch (error) {
        throw new UsageError("verify", `${path}, line ${index + 1} is damaged: ${line.slice(0, 80)}`, { cause: error });
      }
    }),
  );
}

/**
 * A resumed run does its steps since the checkpoint again, perhaps at another length. What it recorded of those steps and
 * of later ones before belongs to a past that it left.
 */
export function newestOf(recorded: readonly ReplayEntry[]): ReplayEntry[] {
  const entries: ReplayEntry[] = [];
  for (const entry of recorded) {
    while (entries.length > 0 && entries.at(-1)!.step >= entry.step) entries.pop();
    entries.push(entry);
  }
  return entries;
}

/** A stretch of steps at one length. */
export interface Stretch {
  /** The last of its steps. */
  end: number;
  length: Length;
}

/** In order. Entries of older versions do not say their length: then it is the one of `recipe`, as the run was begun. */
export function stretchesOf(entries: readonly ReplayEntry[], recipe: Length): Stretch[] {
  const stretches: Stretch[] = [];
  for (const { step, length = { epochs: recipe.epochs, steps: recipe.steps } } of entries) {
    const last = stretches.at(-1);
    if (last && last.length.epochs === length.epochs && last.length.steps === length.steps) last.end = step;
    else stretches.push({ end: step, length });
  }
  return stretches;
}
