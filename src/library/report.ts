import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { FILES, manifestSchema } from "../checkpoint/format.js";
import type { Fingerprint } from "../config/fingerprint.js";
import { CnnDistError } from "../errors.js";
import type { CheckpointEvent } from "../events.js";
import { plural } from "../format.js";
import type { Drawing } from "../pictures/drawing.js";
import { CHECKPOINT_PICTURES } from "../pictures/kinds.js";
import { type CheckpointFacts, type ReportFacts, reportHtml } from "../report/report.js";
import { VERSION } from "../version.js";
import { usualRecipe } from "../web/usual-recipe.js";
import { writeWhole } from "../whole-file.js";
import { optionsOf, pathGiven, type ReportOptions, reportSchema } from "./options.js";
import { drawCurves, readRecords } from "./run-records.js";
import { studioOf } from "./studio.js";

export interface Report {
  /** The file. */
  output: string;
  size_bytes: number;
  run_dir: string;
  /** Pictures in it, curves aside. */
  pictures: number;
}

/**
 * A run on one HTML page that fetches nothing: plan, recipe, curves, evaluation, pictures of a checkpoint, workers and their
 * losses, checkpoints, hashes (docs/pictures.md). `output`: RUN_DIR/report.html. TensorFlow is opened in this process, for the pictures; where they
 * cannot be drawn the page says why. UsageError `run-dir` where there is no run; CnnDistError `output` when the file cannot be
 * written; rejects with the signal's reason.
 */
export async function report(runDir: string, options: ReportOptions = {}): Promise<Report> {
  pathGiven(runDir, "its first argument", "report");
  const { output, ...request } = optionsOf(reportSchema, options, "report");
  const records = await readRecords(runDir);
  const { state } = records;
  const seen = await look(records.runDir, request, options);
  const html = Buffer.from(
    reportHtml({
      runDir: records.runDir,
      state,
      usual: state.plan && usualRecipe(state.plan.recipe, state.plan.workers),
      curves: drawCurves(state),
      ...seen,
      checkpoints: await Promise.all(state.checkpoints.map((each) => checkpointFacts(each, records.runDir))),
      version: VERSION,
      now: new Date(),
    }),
  );
  const file = resolve(output ?? join(records.runDir, "report.html"));
  const size_bytes = await writeWhole([[file, [html]]]);
  return {
    output: file,
    size_bytes,
    run_dir: records.runDir,
    pictures: seen.pictures.drawn.length,
  };
}

type Seen = Pick<ReportFacts, "pictures" | "classes" | "fingerprint">;

async function look(
  runDir: string,
  request: Omit<ReportOptions, "output" | "signal" | "onProgress" | "onWarning">,
  options: ReportOptions,
): Promise<Seen> {
  const drawn: Drawing[] = [];
  const why: string[] = [];
  let classes: Seen["classes"] = null;
  let fingerprint: Fingerprint | null = null;
  let of = "";
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof CnnDistError)) throw error;
      why.push(error.message);
    }
  };
  await attempt(async () => {
    const needs = { image: null, needsEngine: true, needsData: true };
    const { studio, snapshot, path, weights, close } = await studioOf(runDir, request, needs, options);
    try {
      fingerprint = snapshot.fingerprint;
      of = `Of ${basename(path)}${weights === "ema" ? ", the moving average of its weights" : ""}, after ${plural(snapshot.step, "step")}.`;
      for (const what of CHECKPOINT_PICTURES) await attempt(async () => void drawn.push(await studio.draw(what)));
      await attempt(async () => {
        classes = await studio.classes();
      });
    } finally {
      await close();
    }
  });
  if (drawn.length === 0) of = "There are none:";
  return { pictures: { of, drawn, why: [...new Set(why)] }, classes, fingerprint };
}

/** Where the run's folder is now: it may have been moved since. */
async function checkpointFacts(
  { step, size_bytes, path: then }: CheckpointEvent,
  runDir: string,
): Promise<CheckpointFacts> {
  const path = join(runDir, "checkpoints", basename(then));
  const sha256 = await readFile(join(path, FILES.manifest), "utf8")
    .then((text) => manifestSchema.parse(JSON.parse(text)).files[FILES.weights]?.sha256 ?? null)
    .catch(() => null); // removed, or damaged
  return { step, sizeBytes: size_bytes, path, sha256 };
}
