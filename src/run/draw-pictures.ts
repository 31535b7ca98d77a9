/** Of a run with `--pictures`: drawn after each evaluation, beside the training. */
import { systemClock, within } from "../clock.js";
import { PICTURES_END_MS } from "../config/time-limits.js";
import { ensureTensorflow } from "../engine/install.js";
import type { RunContext } from "./context.js";
import type { RunDirectory } from "./directory.js";
import { PictureFolder } from "./picture-folder.js";
import { drawApart } from "./picture-fork.js";
import { PictureMaker } from "./picture-maker.js";
import type { PreparedRun } from "./prepare.js";

/** Resolves with what waits, at the end of a run, for the pictures of its last step, but not for ever. */
export async function drawPictures(
  { options, env, signal, events, closing }: RunContext,
  { libraryDir, cacheDir, checkpoint }: PreparedRun,
  directory: RunDirectory,
): Promise<() => Promise<void>> {
  const { pictures, dataDir } = options.placement;
  if (!pictures) return async () => {};
  // A coordinator without workers of its own has not looked for TensorFlow yet.
  const library =
    libraryDir ??
    (
      await ensureTensorflow({
        gpu: false,
        cacheDir,
        env,
        signal,
        ...(options.onProgress ? { onProgress: options.onProgress } : {}),
      })
    ).dir;
  const folder = new PictureFolder(directory.path, () => directory.lock.assertMayWrite());
  const settings = { libraryDir: library, cacheDir, dataDir };
  const maker = new PictureMaker(
    {
      draw: (job, stop) => drawApart(folder, job, settings, stop),
      keep: (steps) => folder.keep(steps),
      now: systemClock.now,
      emit: (event) => events.emit(event),
    },
    checkpoint?.snapshot.best?.step ?? null,
  );
  closing.add(() => maker.close());
  events.subscribe((event) => maker.observe(event));
  signal.addEventListener("abort", () => void maker.close(), { once: true });
  return async () => {
    await within(maker.settle(), PICTURES_END_MS);
    await maker.close();
  };
}
