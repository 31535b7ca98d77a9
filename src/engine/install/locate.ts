/** Where a usable TensorFlow already is: named by the user, in the user's Python, or in our cache. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { UsageError } from "../../errors.js";
import { LIBRARIES } from "../native/libraries.js";
import { TENSORFLOW_VERSION } from "./wheels.js";

export interface FoundTensorflow {
  /** Folder with the two libraries. */
  dir: string;
  /** Null when only the library itself can tell (a folder that the user named). */
  version: string | null;
  /** For people. */
  source: string;
}

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
    refuseUnusable(named);
    return { dir: named, version: versionBeside(named), source: "CNN_DIST_TENSORFLOW" };
  }
  const cached = cachedDir(cacheDir, gpu);
  if (hasLibraries(cached)) return { dir: cached, version: TENSORFLOW_VERSION, source: "cnn-dist's cache" };
  return inPython(gpu, env);
}

function refuseUnusable(dir: string): void {
  const lacking = LIBRARIES.filter((library) => !existsSync(join(dir, library)));
  const version = versionBeside(dir);
  const old = version !== null && !isRecent(version);
  if (lacking.length === 0 && !old) return;
  const wrong = lacking.length > 0 ? `lacks ${lacking.join(" and ")}` : `holds TensorFlow ${version}`;
  throw new UsageError(
    "tensorflow-missing",
    `CNN_DIST_TENSORFLOW=${dir}: that folder ${wrong}. Point it at the tensorflow folder of an installed wheel, version ${OLDEST_VERSION.join(".")} or later, or unset it to let cnn-dist install its own.`,
  );
}

/** The version that an installed wheel's folder of metadata names; null where there is none. */
function versionBeside(dir: string): string | null {
  const parent = dirname(resolve(dir));
  for (const name of existsSync(parent) ? readdirSync(parent) : []) {
    const version = /^tensorflow(?:_cpu)?-(\d+\.\d+[^-]*)\.dist-info$/.exec(name)?.[1];
    if (version) return version;
  }
  return null;
}

/** Asks Python where tensorflow is without importing it, which would take seconds. */
const PROBE = `
import importlib.util, importlib.metadata as m, os
s = importlib.util.find_spec("tensorflow")
if s and s.origin:
    for n in ("tensorflow", "tensorflow-cpu", "tensorflow_cpu"):
        try:
            print(m.version(n)); print(os.path.dirname(s.origin)); print(n); break
        except m.PackageNotFoundError: pass
`;

async function inPython(gpu: boolean, env: NodeJS.ProcessEnv): Promise<FoundTensorflow | null> {
  const python = env.CNN_DIST_PYTHON ?? "python3";
  const output = await promisify(execFile)(python, ["-c", PROBE], { timeout: 20_000, env }).then(
    ({ stdout }) => stdout,
    () => "",
  );
  const [version, dir, name = "tensorflow"] = output.trim().split("\n");
  if (!version || !dir || !hasLibraries(dir) || !isRecent(version)) return null;
  if (gpu && name !== "tensorflow") return null; // tensorflow-cpu knows no GPUs
  return { dir, version, source: `the ${name} package of ${python}` };
}

export function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > OLDEST_VERSION[0] || (major === OLDEST_VERSION[0] && minor >= OLDEST_VERSION[1]);
}
