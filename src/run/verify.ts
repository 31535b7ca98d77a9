/** Replays the first steps of a finished run and compares what they leave, parameter by parameter. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { type Difference, differencesSince, fingerprintSchema } from "../config/fingerprint.js";
import type { Placement } from "../config/placement.js";
import { recipeSha256 } from "../config/resolve.js";
import { messageOf, UsageError } from "../errors.js";
import type { RunEvent } from "../events.js";
import { readRecipe } from "./directory.js";
import { startRun } from "./run.js";

const entrySchema = z.object({
  step: z.number().int(),
  loss: z.number().nullable(),
  weights_sha256: z.string(),
  parameters: z.record(z.string(), z.string()),
  /** Of the engine that computed it; older versions did not record it. */
  fingerprint: fingerprintSchema.nullable().default(null),
});
type Entry = z.infer<typeof entrySchema>;

export interface Verification {
  identical: boolean;
  steps: number;
  recipe_sha256: string;
  weights_sha256: string;
  /** Where the two first differ. */
  difference: { step: number; parameter: string | null; expected: string; received: string } | null;
  /** What differs between the engines of the steps up to there, of all steps where nothing differs; [] if not recorded. */
  engine: readonly Difference[];
}

export interface VerifyOptions {
  runDir: string;
  placement: Placement;
  signal?: AbortSignal;
  onEvent?: (event: RunEvent) => void;
}

/** UsageError when the run left nothing to compare with. The replay's own folder is temporary. */
export async function verifyRun({ runDir, placement, signal, onEvent }: VerifyOptions): Promise<Verification> {
  const recipe = readRecipe(runDir);
  const recorded = readReplay(runDir);
  const scratch = mkdtempSync(join(tmpdir(), "cnn-dist-verify-"));
  try {
    const steps = recorded.at(-1)!.step;
    const run = startRun({
      recipe,
      placement: { ...placement, runDir: join(scratch, "run"), metrics: false, evaluateEveryEpochs: 0 },
      ...(signal ? { signal } : {}),
      stopAfterStep: steps,
    });
    for await (const event of run) onEvent?.(event);
    await run.result;
    const replayed = readReplay(join(scratch, "run"));
    return {
      steps,
      recipe_sha256: recipeSha256(recipe),
      weights_sha256: replayed.at(-1)!.weights_sha256,
      ...compared(recorded, replayed),
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function readReplay(runDir: string): Entry[] {
  const path = join(runDir, "replay.jsonl");
  let lines: string[];
  try {
    lines = readFileSync(path, "utf8").trim().split("\n");
  } catch (error) {
    throw new UsageError(
      "verify",
      `${path} cannot be read (${messageOf(error)}): the run has no committed step to compare with`,
      { cause: error },
    );
  }
  const entries = new Map<number, Entry>();
  for (const [index, line] of lines.entries()) {
    try {
      const entry = entrySchema.parse(JSON.parse(line));
      entries.set(entry.step, entry); // a resumed run does its steps since the checkpoint again: the last word counts
    } catch (error) {
      throw new UsageError("verify", `${path}, line ${index + 1} is damaged: ${line.slice(0, 80)}`, { cause: error });
    }
  }
  return [...entries.values()].sort((a, b) => a.step - b.step);
}

export function compared(
  recorded: readonly Entry[],
  replayed: readonly Entry[],
): Pick<Verification, "identical" | "difference" | "engine"> {
  const result = compare(recorded, replayed);
  const until = result.difference?.step ?? Number.POSITIVE_INFINITY;
  return { ...result, engine: engineDifferences(recorded, replayed, until) };
}

/** Of the first step up to `until` whose engine was another one. */
function engineDifferences(recorded: readonly Entry[], replayed: readonly Entry[], until: number): Difference[] {
  for (const { step, fingerprint: before } of recorded) {
    const now = replayed.find((entry) => entry.step === step)?.fingerprint;
    if (step > until) break;
    const found = before && now ? differencesSince(before, now) : [];
    if (found.length > 0) return found;
  }
  return [];
}

function compare(
  recorded: readonly Entry[],
  replayed: readonly Entry[],
): Pick<Verification, "identical" | "difference"> {
  for (const [index, expected] of recorded.entries()) {
    const received = replayed[index];
    if (!received)
      return {
        identical: false,
        difference: {
          step: expected.step,
          parameter: null,
          expected: expected.weights_sha256,
          received: "no such step",
        },
      };
    const parameter = Object.keys(expected.parameters).find(
      (name) => expected.parameters[name] !== received.parameters[name],
    );
    if (parameter !== undefined) {
      return {
        identical: false,
        difference: {
          step: expected.step,
          parameter,
          expected: expected.parameters[parameter]!,
          received: received.parameters[parameter] ?? "no such parameter",
        },
      };
    }
    if (expected.weights_sha256 !== received.weights_sha256)
      return {
        identical: false,
        difference: {
          step: expected.step,
          parameter: null,
          expected: expected.weights_sha256,
          received: received.weights_sha256,
        },
      };
    if (expected.loss !== received.loss)
      return {
        identical: false,
        difference: {
          step: expected.step,
          parameter: "loss",
          expected: String(expected.loss),
          received: String(received.loss),
        },
      };
  }
  return { identical: true, difference: null };
}
