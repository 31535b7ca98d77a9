/** Pictures of a checkpoint, drawn in a process of its own that takes only time that nobody else wants. */
import { fork } from "node:child_process";
import { rename, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { deviceEnvironment } from "../engine/gpus.js";
import { CnnDistError, errorOf } from "../errors.js";
import { CHECKPOINT_PICTURES } from "../pictures/kinds.js";
import { earlyEnvironment } from "./fork-worker.js";
import { type PictureFolder, pictureFile } from "./picture-folder.js";
import type { Drawn, PictureJob } from "./picture-maker.js";

/** What the process needs to know; it travels in its environment. */
export interface PictureSettings {
  libraryDir: string;
  cacheDir: string;
  dataDir: string | null;
  checkpoint: string;
  /** A folder for the files, which the process makes. */
  output: string;
}

const size = z.number().int().min(1);
const answerSchema = z.union([
  z.strictObject({
    pictures: z.array(
      z.strictObject({ what: z.enum(CHECKPOINT_PICTURES), title: z.string(), width: size, height: size }),
    ),
    missing: z.array(z.string()),
  }),
  z.strictObject({ code: z.string(), message: z.string() }),
]);
export type PictureAnswer = z.infer<typeof answerSchema>;

/** Resolves once the files of that step are in their place. CnnDistError: what the process failed with. */
export async function drawApart(
  folder: PictureFolder,
  { step, checkpoint }: PictureJob,
  settings: Omit<PictureSettings, "checkpoint" | "output">,
  signal: AbortSignal,
): Promise<Drawn> {
  const path = folder.of(step);
  const output = `${path}.tmp`;
  try {
    const { pictures, missing } = await answerOf({ ...settings, checkpoint, output }, signal);
    folder.assertHeld();
    await rm(path, { recursive: true, force: true });
    await rename(output, path);
    return { pictures: pictures.map((each) => ({ ...each, file: pictureFile(step, each.what) })), missing };
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}

const MODULE = fileURLToPath(new URL("picture-process.js", import.meta.url));

function answerOf(settings: PictureSettings, signal: AbortSignal): Promise<Exclude<PictureAnswer, { code: string }>> {
  return new Promise((resolve, reject) => {
    const child = fork(MODULE, [], {
      execArgv: [],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      env: {
        ...earlyEnvironment(process.env),
        ...deviceEnvironment([]),
        CNN_DIST_DRAW: JSON.stringify(settings),
        CNN_DIST_PARENT: String(process.pid),
      },
    });
    const stop = () => child.kill("SIGKILL");
    signal.addEventListener("abort", stop, { once: true });
    child.once("message", (message) => {
      const answer = answerSchema.parse(message);
      if ("code" in answer) reject(errorOf(answer.code, answer.message));
      else resolve(answer);
    });
    child.once("error", (error) =>
      reject(new CnnDistError("worker", `the process that draws cannot be started: ${error.message}`)),
    );
    child.once("exit", (code, by) => {
      signal.removeEventListener("abort", stop);
      reject(new CnnDistError("worker", `the process that draws ended with ${by ?? `exit code ${code}`}.`));
    });
    if (signal.aborted) stop();
  });
}
