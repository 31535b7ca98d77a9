/**
 * Reads a model of the user's own before a training: its layers, shapes and parameters. In a process of its own, since
 * TensorFlow is opened once in a process and the model's code may do anything to it.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { CnnDistError, errorOf, UsageError } from "../errors.js";
import type { FileModel } from "../models/choice.js";
import type { ImageShape } from "../models/spec.js";
import { earlyEnvironment } from "./fork-worker.js";

export interface ModelReading {
  /** The folder of TensorFlow's library. */
  libraryDir: string;
  model: FileModel;
  input: ImageShape;
  classes: number;
  seed: number;
}

const size = z.number().int().min(0);
const summarySchema = z.strictObject({
  trainable_parameters: size,
  /** With moving statistics. */
  total_parameters: size,
  layers: z.array(
    z.strictObject({
      name: z.string(),
      kind: z.string(),
      output: z.array(size.nullable()).readonly(),
      parameters: size,
    }),
  ),
});
export type UserModelSummary = z.infer<typeof summarySchema>;

const answerSchema = z.union([
  z.strictObject({ summary: summarySchema }),
  z.strictObject({ code: z.string(), message: z.string() }),
]);
export type ReaderAnswer = z.infer<typeof answerSchema>;

/** What `loadUserModel` throws for a model that cannot be trained; CnnDistError `worker` when the process ends without a word. */
export function readModel(reading: ModelReading, signal?: AbortSignal): Promise<UserModelSummary> {
  return new Promise((resolve, reject) => {
    const child = fork(MODULE, [], {
      execArgv: [],
      stdio: ["ignore", process.stderr.fd, process.stderr.fd, "ipc"],
      env: { ...earlyEnvironment(process.env), CNN_DIST_MODEL: JSON.stringify(reading) },
    });
    const stop = () => child.kill("SIGKILL");
    signal?.addEventListener("abort", stop, { once: true });
    child.once("message", (message) => {
      const answer = answerSchema.parse(message);
      if ("summary" in answer) resolve(answer.summary);
      else reject(errorOf(answer.code, answer.message));
    });
    child.once("error", (error) => reject(new CnnDistError("worker", `the model cannot be read: ${error.message}`)));
    child.once("exit", (code, by) => {
      signal?.removeEventListener("abort", stop);
      if (signal?.aborted) reject(signal.reason);
      else reject(endedWithout(reading.model.path, code, by));
    });
  });
}

const MODULE = fileURLToPath(new URL("model-reader-process.js", import.meta.url));

/** Node ends with this code when nothing is left to do and the program still waits for a promise. */
const NEVER_SETTLED = 13;

function endedWithout(path: string, code: number | null, by: NodeJS.Signals | null): CnnDistError {
  if (code === NEVER_SETTLED)
    return new UsageError("model-code", `model ${path}: the promise that createModel returned never settles.`);
  return new CnnDistError(
    "worker",
    `the process that reads ${path} ended with ${by ?? `exit code ${code}`} before it had read it.`,
  );
}
