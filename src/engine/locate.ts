/** Where a usable TensorFlow already is: named by the user, in the user's Python, or in our cache. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { UsageError } from "../errors.js";
import { LIBRARIES } from "./libraries.js";

export interface FoundTensorflow {
  /** Folder with the two libraries. */
  dir: string;
  /** Null when only the library itself can tell (a folder that the user named). */
  version: string | null;
  /** For people. */
  source: string;
}

/** The version that we install; its wheels are pinned in install.ts. */
export const TENSORFLOW_VERSION = "2.21.0";
/** The first version whose C API and kernels we have tried. */
export const OLDEST_VERSION = [2, 16] as const;

export function hasLibraries(dir: string): boolean {
  return LIBRARIES.every((library) => existsSync(join(dir, library)));
}

/** Where `install` puts it. */
export function cachedDir(cacheDir: string, gpu: boolean): string {
  return join(cacheDir, "tensorflow", `${TENSORFLOW_VERSION}-${gpu ? "gpu" : "cpu"}`, "tensorflow");
}

/** Null when there is none; UsageError when CNN_DIST_TENSORFLOW names a folder without it. */
export async function findTensorflow({
  gpu,
  env = process.env,
  cacheDir,
}: {
  gpu: boolean;
  env?: NodeJS.ProcessEnv;
  cacheDir: string;
}): Promise<FoundTensorflow | null> {
  const named = env.CNN_DIST_TENSORFLOW;
  if (named) {
    if (hasLibraries(named)) return { dir: named, version: null, source: "CNN_DIST_TENSORFLOW" };
    throw new UsageError(
      "tensorflow-missing",
      `CNN_DIST_TENSORFLOW=${named}: that folder lacks ${LIBRARIES.filter((library) => !existsSync(join(named, library))).join(" and ")}. Point it at the tensorflow folder of an installed wheel, or unset it to let cnn-dist install its own.`,
    );
  }
  const cached = cachedDir(cacheDir, gpu);
  if (hasLibraries(cached)) return { dir: cached, version: TENSORFLOW_VERSION, source: "cnn-dist's cache" };
  return inPython(env);
}

/** Asks Python where tensorflow is without importing it, which would take seconds. */
const PROBE = `
import importlib.util, importlib.metadata as m, os
s = importlib.util.find_spec("tensorflow")
if s and s.origin:
    for n in ("tensorflow", "tensorflow-cpu", "tensorflow_cpu"):
        try:
            print(m.version(n)); print(os.path.dirname(s.origin)); break
        except m.PackageNotFoundError: pass
`;

async function inPython(env: NodeJS.ProcessEnv): Promise<FoundTensorflow | null> {
  const python = env.CNN_DIST_PYTHON ?? "python3";
  const output = await promisify(execFile)(python, ["-c", PROBE], { timeout: 20_000, env }).then(
    ({ stdout }) => stdout,
    () => "",
  );
  const [version, dir] = output.trim().split("\n");
  if (!version || !dir || !hasLibraries(dir) || !isRecent(version)) return null;
  return { dir, version, source: `the tensorflow package of ${python}` };
}

export function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > OLDEST_VERSION[0] || (major === OLDEST_VERSION[0] && minor >= OLDEST_VERSION[1]);
}
