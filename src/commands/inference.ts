/** What evaluate and predict share: TensorFlow in this process, on one device. */
import { availableParallelism } from "node:os";
import type { Snapshot } from "../checkpoint/snapshot.js";
import type { Engine } from "../engine/engine.js";
import { assignDevices, listGpus } from "../engine/gpus.js";
import { ensureTensorflow } from "../engine/install.js";
import { UsageError } from "../errors.js";
import { cacheDirectory } from "../paths.js";
import type { Args, Io } from "./command.js";
import type { Session } from "./session.js";
import { placementOf } from "./training.js";

/** Installs TensorFlow if need be and opens it; `--threads` defaults to every core, since nothing runs beside it. */
export async function openInference(
  snapshot: Snapshot,
  args: Args,
  io: Io,
  { reporter, signal }: Session,
): Promise<Engine> {
  const { device } = placementOf(args);
  const threads = threadsOf(args);
  const gpus = device === "cpu" ? [] : await listGpus(io.env);
  const assigned = assignDevices({ workers: 1, device: device === "auto" && gpus.length === 0 ? "cpu" : device, gpus });
  const { kind, env } = assigned.devices[0]!;
  const { dir } = await ensureTensorflow({
    gpu: kind === "gpu",
    cacheDir: cacheDirectory(io.env),
    env: io.env,
    signal,
    onProgress: (progress) => reporter.progress(progress),
  });
  signal.throwIfAborted();
  const { openEngine } = await import("../engine/open.js"); // loading tfjs takes a second
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  Object.assign(process.env, env); // TensorFlow reads them when it is opened
  return openEngine({
    libraryDir: dir,
    threads,
    device: kind,
    precision: snapshot.recipe.precision,
  });
}

function threadsOf(args: Args): number {
  const given = args.threads as string | undefined;
  if (given === undefined) return availableParallelism();
  if (/^[1-9]\d{0,2}$/.test(given) && Number(given) <= 256) return Number(given);
  throw new UsageError("config", `--threads: expected a whole number from 1 to 256, received ${JSON.stringify(given)}`);
}
