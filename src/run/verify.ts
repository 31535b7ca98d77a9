/** Replays the first steps of a finished run and compares what they leave, parameter by parameter. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Difference, differencesSince } from "../config/fingerprint.js";
import type { Placement } from "../config/placement.js";
import type { Recipe } from "../config/recipe.js";
import { UsageError } from "../errors.js";
import type { RunEvent } from "../events.js";
import { type ReplayEntry, readReplay, type Stretch, stretchesOf } from "./replay.js";
import { startRun } from "./run.js";

export interface Verification {
  identical: boolean;
  steps: number;
  recipe_sha256: string;
  weights_sha256: string;
  /** Where the two first differ. */
  difference: { step: number; parameter: string | null; expected: string; received: string } | null;
  /** What differs between the engines of that step (without a difference, of any step); [] where none was recorded. */
  engine: readonly Difference[];
}

export interface VerifyOptions {
  runDir: string;
  /** What that folder holds: the caller has read it, and may have asked whether it is to be trusted. */
  recipe: Recipe;
  placement: Placement;
  signal?: AbortSignal;
  onEvent?: (event: RunEvent) => void;
}

/** UsageError when the run left nothing to compare with. The replay's own folder is temporary. */
export async function verifyRun(options: VerifyOptions): Promise<Verification> {
  const { runDir, recipe } = options;
  const recorded = readReplay(runDir);
  const scratch = mkdtempSync(join(tmpdir(), "cnn-dist-verify-"));
  const replayDir = join(scratch, "run");
  try {
    let recipeSha256 = "";
    for (const [index, stretch] of stretchesOf(recorded, recipe).entries())
      recipeSha256 = await replay(stretch, replayDir, index > 0, options);
    const replayed = readReplay(replayDir);
    assertReached(recorded, replayed, runDir);
    return {
      steps: recorded.at(-1)!.step,
      recipe_sha256: recipeSha256,
      weights_sha256: replayed.at(-1)!.weights_sha256,
      ...compared(recorded, replayed),
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Older versions did not record a run's length: one that was made longer cannot be told from one that is different. */
export function assertReached(
  recorded: readonly ReplayEntry[],
  replayed: readonly ReplayEntry[],
  runDir: string,
): void {
  const [wanted, reached] = [recorded.at(-1)!.step, replayed.at(-1)!.step];
  if (reached < wanted && recorded.some(({ length }) => length === undefined))
    throw new UsageError(
      "verify",
      `${runDir} was made longer by a resume of an older version, which did not record it: its recipe ends after step ${reached}, its replay.jsonl after step ${wanted}. Such a run cannot be replayed.`,
    );
}

/** As the run was made: to the stretch's end, at its length; the next one goes on from there. Resolves with the recipe's hash. */
async function replay(
  { end, length }: Stretch,
  runDir: string,
  goOn: boolean,
  { recipe, placement, signal, onEvent }: VerifyOptions,
): Promise<string> {
  signal?.throwIfAborted();
  const run = startRun({
    recipe: { ...recipe, ...length },
    placement: { ...placement, runDir, metrics: false, evaluateEveryEpochs: 0 },
    ...(signal ? { signal } : {}),
    ...(goOn ? { resume: { runDir } } : {}),
    stopAfterStep: end,
  });
  for await (const event of run) onEvent?.(event);
  return (await run.result)!.recipe_sha256;
}

export function compared(
  recorded: readonly ReplayEntry[],
  replayed: readonly ReplayEntry[],
): Pick<Verification, "identical" | "difference" | "engine"> {
  const result = compare(recorded, replayed);
  const engines = recorded.map(({ step, fingerprint: before }) => {
    const now = replayed.find((entry) => entry.step === step)?.fingerprint;
    return { step, differences: before && now ? differencesSince(before, now) : [] };
  });
  const { difference } = result;
  const asked = difference
    ? engines.find(({ step }) => step === difference.step)
    : engines.find(({ differences }) => differences.length > 0);
  return { ...result, engine: asked?.differences ?? [] };
}

function compare(
  recorded: readonly ReplayEntry[],
  replayed: readonly ReplayEntry[],
): Pick<Verification, "identical" | "difference"> {
  const received = new Map(replayed.map((entry) => [entry.step, entry]));
  for (const expected of recorded) {
    const difference = differenceOf(expected, received.get(expected.step));
    if (difference) return { identical: false, difference: { step: expected.step, ...difference } };
  }
  return { identical: true, difference: null };
}

function differenceOf(
  expected: ReplayEntry,
  received: ReplayEntry | undefined,
): Omit<NonNullable<Verification["difference"]>, "step"> | null {
  const differs = (parameter: string | null, theirs: unknown, ours: unknown) => ({
    parameter,
    expected: String(theirs),
    received: String(ours),
  });
  if (!received) return differs(null, expected.weights_sha256, "no such step");
  const parameter = Object.keys(expected.parameters).find(
    (name) => expected.parameters[name] !== received.parameters[name],
  );
  if (parameter !== undefined)
    return differs(parameter, expected.parameters[parameter], received.parameters[parameter] ?? "no such parameter");
  if (expected.weights_sha256 !== received.weights_sha256)
    return differs(null, expected.weights_sha256, received.weights_sha256);
  if (expected.loss !== received.loss) return differs("loss", expected.loss, received.loss);
  return null;
}
