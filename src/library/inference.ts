/** What evaluate and predict share: TensorFlow in this process, on one device. */
import { availableParallelism } from "node:os";
import type { Snapshot } from "../checkpoint/snapshot.js";
import type { Placement } from "../config/placement.js";
import type { Engine } from "../engine/engine.js";
import { assignDevices, listGpus } from "../engine/gpus.js";
import { ensureTensorflow } from "../engine/install.js";
import { cacheDirectory } from "../paths.js";
import type { Control } from "./options.js";

/** Absent: the GPU if there is one, and every core. */
interface Wish {
  device?: Placement["device"] | undefined;
  threads?: number | undefined;
}

export interface Inference {
  engine: Engine;
  /** Frees what was computed and built since; TensorFlow stays open for the next call. */
  close(): Promise<void>;
}

/** Installs TensorFlow if need be and opens it; `threads` defaults to every core, since nothing runs beside it. */
export async function openInference(
  snapshot: Snapshot,
  { device = "auto", threads = availableParallelism() }: Wish,
  { signal, onProgress }: Control,
): Promise<Inference> {
  const gpus = device === "cpu" ? [] : await listGpus();
  const assigned = assignDevices({
    workers: 1,
    device: device === "auto" && gpus.length === 0 ? "cpu" : device,
    devicesPerWorker: 1,
    gpus,
  });
  const { kind, env } = assigned.devices[0]!;
  const { dir } = await ensureTensorflow({
    gpu: kind === "gpu",
    cacheDir: cacheDirectory(process.env),
    env: process.env,
    ...(signal ? { signal } : {}),
    ...(onProgress ? { onProgress } : {}),
  });
  signal?.throwIfAborted();
  const { openEngine } = await import("../engine/open.js"); // loading tfjs takes a second
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  const { precision } = snapshot.recipe;
  const engine = withEnvironment(env, () => openEngine({ libraryDir: dir, threads, device: kind, precision }));
  const variables = () => engine.tf.engine().registeredVariables;
  const before = new Set(Object.keys(variables()));
  return {
    engine,
    async close() {
      await engine.close();
      for (const [name, variable] of Object.entries(variables())) if (!before.has(name)) variable.dispose();
    },
  };
}

/**
 * What TensorFlow and CUDA read while they are opened, and never again. It is put back afterwards: what starts later in
 * this process, a training with its own workers, has to see the GPUs that its user left visible. The others
 * (TF_DETERMINISTIC_OPS, NVIDIA_TF32_OVERRIDE) are read when a GPU first computes; they stay, and every worker on a GPU
 * gets the same.
 */
const READ_AT_OPENING: readonly string[] = ["CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "TF_FORCE_GPU_ALLOW_GROWTH"];

function withEnvironment<Result>(env: Readonly<Record<string, string>>, body: () => Result): Result {
  const before = READ_AT_OPENING.map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, env);
  try {
    return body();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
