/** Installs TensorFlow's library into the user's cache, from PyPI's wheels, by the pip (or uv) that the machine has. */
import { mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CnnDistError, messageOf, UsageError } from "../errors.js";
import { sha256OfFile } from "../fetch/download.js";
import { tooLarge } from "../fetch/limit.js";
import { withLock } from "../fetch/lock.js";
import { extractZip } from "../fetch/unzip.js";
import { makeFolder } from "../make-folder.js";
import { cachedDir, type FoundTensorflow, findTensorflow, hasLibraries, OLDEST_VERSION } from "./install/locate.js";
import { pipDownload } from "./install/pip.js";
import { TENSORFLOW_VERSION, WHEEL_LIMITS, type Wheel, type WheelLimits, wheelsFor } from "./install/wheels.js";

export { type FoundTensorflow, findTensorflow } from "./install/locate.js";

export interface InstallOptions {
  gpu: boolean;
  cacheDir: string;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  onProgress?: (progress: { what: string; received: number; total: number | null }) => void;
}

/** What is there, else what can be installed; UsageError (exit 2) when neither. */
export async function ensureTensorflow(options: InstallOptions): Promise<FoundTensorflow> {
  const found = await findTensorflow(options);
  return found ?? installTensorflow(options);
}

/** Atomic: the folder appears under its name only when it is whole. Two installs at once: the second waits. */
export async function installTensorflow(
  options: InstallOptions,
  wheels: readonly Wheel[] = wheelsFor(options.gpu),
  limits: WheelLimits = WHEEL_LIMITS,
): Promise<FoundTensorflow> {
  const target = dirname(cachedDir(options.cacheDir, options.gpu));
  const lock = {
    ...(options.signal ? { signal: options.signal } : {}),
    onWait: () =>
      options.onProgress?.({ what: "waiting for another process that installs TensorFlow", received: 0, total: null }),
  };
  try {
    makeFolder(dirname(target));
    await withLock(target, (signal) => installInto(target, wheels, { ...options, limits, signal }), lock);
    return { dir: join(target, "tensorflow"), version: TENSORFLOW_VERSION, source: "cnn-dist's cache" };
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason;
    if (error instanceof CnnDistError && (error.code === "checksum" || error.code === "too-large")) throw error;
    const found = `no TensorFlow was found (in ${options.cacheDir}, in Python, or named by CNN_DIST_TENSORFLOW)`;
    const wheel = `${options.gpu ? "tensorflow[and-cuda]" : "tensorflow-cpu"}>=${OLDEST_VERSION.join(".")}`;
    const message = [
      `${found}, and it could not be installed: ${messageOf(error)}`,
      "Any one of these helps:",
      "  - give this machine a network and pip (or uv), and run 'cnn-dist setup'",
      `  - pip install '${wheel}', into the Python that 'python3' starts or that CNN_DIST_PYTHON names`,
      "  - copy the tensorflow folder of a wheel here, and set CNN_DIST_TENSORFLOW to it",
    ].join("\n");
    throw new UsageError("tensorflow-missing", message, { cause: error });
  }
}

type Limited = InstallOptions & { limits: WheelLimits };

async function installInto(target: string, wheels: readonly Wheel[], options: Limited): Promise<void> {
  if (hasLibraries(join(target, "tensorflow"))) return; // it came while we waited
  await sweep(target);
  const work = await mkdtemp(installing(target));
  try {
    for (const [index, wheel] of wheels.entries()) {
      const count = wheels.length > 1 ? ` (${index + 1} of ${wheels.length})` : "";
      await fetchAndUnpack(wheel, `${wheel.requirement}${count}`, work, options);
    }
    await rm(target, { recursive: true, force: true });
    await rename(join(work, "root"), target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** How the folders begin in which this target is put together; each target has its own, as it has its own lock. */
const installing = (target: string) => join(dirname(target), `installing-${basename(target)}-`);

/** What installs that were killed left. The lock is ours, so nobody works there. */
async function sweep(target: string): Promise<void> {
  const parent = dirname(target);
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    if (path.startsWith(installing(target))) await rm(path, { recursive: true, force: true });
  }
}

async function fetchAndUnpack(wheel: Wheel, label: string, work: string, options: Limited): Promise<void> {
  const dir = join(work, "download");
  makeFolder(dir);
  const { env = process.env, limits, signal, onProgress } = options;
  const watched = new GrowthWatch(work, `downloading ${label}`, limits.packedBytes, onProgress);
  try {
    const { requirement } = wheel;
    const stopping = signal ? AbortSignal.any([signal, watched.tooLarge]) : watched.tooLarge;
    await pipDownload({ requirement, dir, temporary: work, env, signal: stopping, onSize: watched.expect });
  } finally {
    watched.stop();
  }
  const file = (await readdir(dir)).find((name) => name.endsWith(".whl"));
  if (!file) throw new CnnDistError("pip", `pip downloaded no wheel for ${wheel.requirement}`);
  const path = join(dir, file);
  onProgress?.({ what: `checking ${label}`, received: 0, total: null });
  const received = await sha256OfFile(path);
  if (received !== wheel.sha256)
    throw new CnnDistError(
      "checksum",
      `${file}: SHA-256 ${received} received, ${wheel.sha256} expected. The package index gave another file; nothing was installed.`,
    );
  onProgress?.({ what: `unpacking ${label}`, received: 0, total: null });
  await extractZip(path, join(work, "root"), {
    wanted: wheel.wanted,
    maxBytes: limits.unpackedBytes,
    signal,
  });
  await rm(path);
}

/** pip shows no progress to a pipe, and knows no limit, so the size of what it writes is looked at. */
class GrowthWatch {
  readonly #timer: NodeJS.Timeout;
  readonly #stopping = new AbortController();
  #total: number | null = null;
  #stopped = false;

  constructor(dir: string, what: string, maxBytes: number, onProgress: InstallOptions["onProgress"]) {
    onProgress?.({ what, received: 0, total: null });
    this.#timer = setInterval(async () => {
      const received = await sizeBelow(dir).catch(() => 0);
      if (this.#stopped) return;
      if (received > maxBytes) this.#stopping.abort(tooLarge(what, received, maxBytes));
      onProgress?.({ what, received: Math.min(received, this.#total ?? received), total: this.#total });
    }, 250);
  }

  /** Aborted once the folder holds more than `maxBytes`. */
  get tooLarge(): AbortSignal {
    return this.#stopping.signal;
  }

  readonly expect = (bytes: number) => {
    this.#total = bytes;
  };

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }
}

/** What is unpacked already does not count. */
async function sizeBelow(dir: string): Promise<number> {
  let total = 0;
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && !entry.parentPath.startsWith(join(dir, "root")))
      total += (await stat(join(entry.parentPath, entry.name)).catch(() => ({ size: 0 }))).size;
  }
  return total;
}
