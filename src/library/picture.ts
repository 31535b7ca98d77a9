import { basename, resolve } from "node:path";
import { UsageError } from "../errors.js";
import { needsImages } from "../evaluation/pictures.js";
import type { PictureKind, WeightsKind } from "../events.js";
import { nameOf } from "../models/choice.js";
import type { Drawing } from "../pictures/drawing.js";
import type { CheckpointPicture } from "../pictures/kinds.js";
import { pngOf } from "../pictures/raster.js";
import { svgOf } from "../pictures/svg.js";
import { writeWhole } from "../whole-file.js";
import { optionsOf, type PictureOptions, pathGiven, pictureSchema } from "./options.js";
import { drawCurves, readRecords } from "./run-records.js";
import { studioOf } from "./studio.js";

export interface Picture {
  what: PictureKind;
  /** What it shows, in words. */
  title: string;
  /** The checkpoint's folder, or the file of weights; null for curves, which are the run's. */
  checkpoint: string | null;
  model: string;
  step: number;
  /** The moving average, where the checkpoint has one and `rawWeights` did not ask for the others. */
  weights: WeightsKind;
  /** The file that was written; null where none was asked for. */
  output: string | null;
  /** A file's bytes, and its size in pixels; a screen shows two of them as one. */
  png: Uint8Array;
  width: number;
  height: number;
  /** The same as SVG, which follows the reader's light or dark. */
  svg: string;
}

/**
 * A picture of what a checkpoint's network has learnt (docs/pictures.md). `path`: a run's folder (its newest checkpoint that
 * is whole), a checkpoint's, or a safetensors file of weights. `output` is a .png or .svg file (default: MODEL-step-N-WHAT.png
 * in the current directory); null writes none. TensorFlow is opened in this process, but for filters. UsageError
 * `picture` for what cannot be drawn of that network, and as `evaluate` and `predict` throw it; CnnDistError `output` when the
 * file cannot be written.
 */
export async function picture(path: string, options: PictureOptions): Promise<Picture> {
  pathGiven(path, "its first argument", "picture");
  const { what, image = null, output, ...request } = optionsOf(pictureSchema, options, "picture");
  checkRequest(what, image, output);
  const { drawing, ...of } = what === "curves" ? await curves(path) : await drawn(path, what, image, request, options);
  const { png, width, height } = pngOf(drawing);
  const svg = svgOf(drawing, { standalone: true });
  const base = basename(of.model).replace(/\.(json|[cm]?[jt]s)$/, "");
  const file = output === null ? null : resolve(output ?? `${base}-step-${of.step}-${what}.png`);
  if (file !== null) await writeWhole([[file, [file.endsWith(".svg") ? Buffer.from(svg) : png]]]);
  return { what, title: drawing.title, ...of, output: file, png, width, height, svg };
}

function checkRequest(what: PictureKind, image: string | null, output: string | null | undefined): void {
  if (image !== null && what !== "activations" && what !== "gradcam")
    throw new UsageError(
      "usage",
      `--image goes with --what activations and --what gradcam, which look at one image; ${what} does not. Leave --image out.`,
    );
  if (output != null && !/\.(png|svg)$/.test(output))
    throw new UsageError(
      "usage",
      `--output ${output}: a picture is written as .png or .svg. Give a name that ends so.`,
    );
}

async function curves(path: string): Promise<Drawn> {
  const { state } = await readRecords(path);
  const step = state.last?.step ?? state.plan?.start_step ?? 0;
  return { drawing: drawCurves(state), checkpoint: null, model: state.plan?.model ?? "run", step, weights: "raw" };
}

type Drawn = { drawing: Drawing } & Pick<Picture, "checkpoint" | "model" | "step" | "weights">;
type Request = Omit<ReturnType<typeof pictureSchema.parse>, "what" | "image" | "output">;

async function drawn(
  path: string,
  what: CheckpointPicture,
  image: string | null,
  request: Request,
  options: PictureOptions,
): Promise<Drawn> {
  const needs = { image, needsEngine: what !== "filters", needsData: needsImages(what, image) };
  const { studio, snapshot, path: checkpoint, weights, close } = await studioOf(path, request, needs, options);
  try {
    const { recipe, step } = snapshot;
    return { drawing: await studio.draw(what), checkpoint, model: nameOf(recipe.model), step, weights };
  } finally {
    await close();
  }
}
