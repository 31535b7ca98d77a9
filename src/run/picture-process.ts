/** The process that `drawApart` starts: one checkpoint in, its pictures out. */
import { rm, writeFile } from "node:fs/promises";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import { loadCheckpoint } from "../checkpoint/load.js";
import { loadDataset } from "../data/datasets.js";
import { openEngine } from "../engine/open.js";
import { dieWithParent, exitNow } from "../engine/prctl.js";
import { CnnDistError, clauseOf, messageOf, UsageError } from "../errors.js";
import { imagesOf, openStudio } from "../evaluation/pictures.js";
import { makeFolder } from "../make-folder.js";
import { CHECKPOINT_PICTURES } from "../pictures/kinds.js";
import { pngOf } from "../pictures/raster.js";
import type { PictureAnswer, PictureSettings } from "./picture-fork.js";

async function draw({ libraryDir, cacheDir, dataDir, checkpoint, output }: PictureSettings): Promise<PictureAnswer> {
  const saved = await loadCheckpoint(checkpoint);
  const snapshot = saved.ema === null ? saved : { ...saved, ...saved.ema };
  const { dataset: name, datasetOptions: options, datasetSha256, precision } = snapshot.recipe;
  const engine = openEngine({ libraryDir, threads: 1, device: "cpu", precision });
  const dataset = await loadDataset(name, {
    cacheDir,
    options,
    decode: (paths, channels, place) => engine.decodeImages(paths, channels, place),
    ...(dataDir === null ? {} : { dataDir }),
    ...(datasetSha256 === null ? {} : { sha256: datasetSha256 }),
  });
  const studio = openStudio(engine, snapshot, { dataset, image: null, most: imagesOf(snapshot.image) });
  await rm(output, { recursive: true, force: true });
  makeFolder(output);
  const answer: Extract<PictureAnswer, { pictures: unknown }> = { pictures: [], missing: [] };
  for (const what of CHECKPOINT_PICTURES) {
    try {
      const drawing = await studio.draw(what);
      const { png, width, height } = pngOf(drawing);
      await writeFile(join(output, `${what}.png`), png);
      answer.pictures.push({ what, title: drawing.title, width, height });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      answer.missing.push(`there is no picture of ${what}: ${clauseOf(error)}`);
    }
  }
  return answer;
}

dieWithParent();
setPriority(constants.priority.PRIORITY_LOW);
if (process.ppid !== Number(process.env.CNN_DIST_PARENT)) exitNow(1); // it ended before we could follow it
const answer = await draw(JSON.parse(process.env.CNN_DIST_DRAW!) as PictureSettings).catch(
  (error: unknown): PictureAnswer => ({
    code: error instanceof CnnDistError ? error.code : "unexpected",
    message: messageOf(error),
  }),
);
process.send!(answer, () => exitNow(0));
