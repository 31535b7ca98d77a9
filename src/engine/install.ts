/** Installs TensorFlow's library into the user's cache, from PyPI's wheels, by the pip (or uv) that the machine has. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CnnDistError, messageOf, UsageError } from "../errors.js";
import { sha256OfFile } from "../fetch/download.js";
import { withLock } from "../fetch/lock.js";
import { extractZip } from "../fetch/zip.js";
import { LIBRARIES } from "./libraries.js";
import { cachedDir, type FoundTensorflow, findTensorflow, hasLibraries, TENSORFLOW_VERSION } from "./locate.js";

export interface InstallOptions {
  gpu: boolean;
  cacheDir: string;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  onProgress?: (progress: { what: string; received: number; total: number | null }) => void;
}

interface Wheel {
  requirement: string;
  /** Known for the wheels that we have had in our hands; pip itself checks every wheel against its index. */
  sha256?: string;
  bytes?: number;
  /** What to unpack; everything when absent. */
  wanted?: (entry: string) => boolean;
}

const isLibrary = (entry: string) => LIBRARIES.some((library) => entry === `tensorflow/${library}`);
const isShared = (entry: string) => /\.so(\.|$)/.test(entry);

/** The wheel on the CPU, by processor. */
const CPU_WHEELS: Readonly<Record<string, Wheel>> = {
  x64: {
    requirement: `tensorflow-cpu==${TENSORFLOW_VERSION}`,
    sha256: "dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb",
    bytes: 274_000_871,
    wanted: isLibrary,
  },
  arm64: { requirement: `tensorflow-cpu==${TENSORFLOW_VERSION}`, bytes: 280_000_000, wanted: isLibrary },
};

/** The `and-cuda` extra of tensorflow 2.21.0. The library's run path finds them in ../nvidia/<part>/lib. */
const NVIDIA = [
  "cublas",
  "cuda-cupti",
  "cuda-nvcc",
  "cuda-nvrtc",
  "cuda-runtime",
  "cudnn",
  "cufft",
  "curand",
  "cusolver",
  "cusparse",
  "nccl",
  "nvjitlink",
];

function wheelsFor(gpu: boolean): Wheel[] {
  if (!gpu) {
    const wheel = CPU_WHEELS[process.arch];
    if (!wheel)
      throw new UsageError(
        "tensorflow-missing",
        `there is no TensorFlow wheel for ${process.platform} on ${process.arch}. Build one and name its folder by CNN_DIST_TENSORFLOW.`,
      );
    return [wheel];
  }
  return [
    { requirement: `tensorflow==${TENSORFLOW_VERSION}`, wanted: isLibrary },
    ...NVIDIA.map((part) => ({ requirement: `nvidia-${part}-cu12`, wanted: isShared })),
  ];
}

/** What is there, else what can be installed; UsageError (exit 2) when neither. */
export async function ensureTensorflow(options: InstallOptions): Promise<FoundTensorflow> {
  const found = await findTensorflow(options);
  return found ?? installTensorflow(options);
}

/** Atomic: the folder appears under its name only when it is whole. Two installs at once: the second waits. */
export async function installTensorflow(options: InstallOptions): Promise<FoundTensorflow> {
  const target = dirname(cachedDir(options.cacheDir, options.gpu));
  const done = { dir: join(target, "tensorflow"), version: TENSORFLOW_VERSION, source: "cnn-dist's cache" };
  try {
    await mkdir(dirname(target), { recursive: true });
    const lock = {
      ...(options.signal ? { signal: options.signal } : {}),
      onWait: () =>
        options.onProgress?.({
          what: "waiting for another process that installs TensorFlow",
          received: 0,
          total: null,
        }),
    };
    return await withLock(
      target,
      async () => {
        if (hasLibraries(done.dir)) return done; // it came while we waited
        await sweep(dirname(target));
        const work = await mkdtemp(join(dirname(target), "installing-"));
        try {
          for (const wheel of wheelsFor(options.gpu)) await fetchAndUnpack(wheel, work, options);
          await rm(target, { recursive: true, force: true });
          await rename(join(work, "root"), target);
        } finally {
          await rm(work, { recursive: true, force: true });
        }
        return done;
      },
      lock,
    );
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason;
    if (error instanceof CnnDistError && error.code === "checksum") throw error;
    throw new UsageError(
      "tensorflow-missing",
      `no TensorFlow was found, and it could not be installed: ${messageOf(error)}\nTried: CNN_DIST_TENSORFLOW (not set), ${options.cacheDir}, the tensorflow package of python3, and pip. Any one of these helps:\n  - give this machine pip and a network, and run 'cnn-dist setup'\n  - pip install 'tensorflow-cpu>=2.16' (any Python that 'python3' starts)\n  - copy the tensorflow folder of a wheel here, and set CNN_DIST_TENSORFLOW to it`,
      { cause: error },
    );
  }
}

async function sweep(parent: string): Promise<void> {
  for (const name of await readdir(parent))
    if (name.startsWith("installing-")) await rm(join(parent, name), { recursive: true, force: true });
}

async function fetchAndUnpack(wheel: Wheel, work: string, options: InstallOptions): Promise<void> {
  const dir = join(work, "download");
  await mkdir(dir, { recursive: true });
  const stopWatching = watchGrowth(work, wheel, options.onProgress);
  try {
    await pipDownload(wheel.requirement, dir, work, options);
  } finally {
    stopWatching();
  }
  const file = (await readdir(dir)).find((name) => name.endsWith(".whl"));
  if (!file) throw new CnnDistError("tensorflow-missing", `pip downloaded no wheel for ${wheel.requirement}`);
  const path = join(dir, file);
  if (wheel.sha256) {
    options.onProgress?.({ what: `checking ${wheel.requirement}`, received: 0, total: null });
    const received = await sha256OfFile(path);
    if (received !== wheel.sha256)
      throw new CnnDistError(
        "checksum",
        `${file}: SHA-256 ${received} received, ${wheel.sha256} expected. The package index gave another file; nothing was installed.`,
      );
  }
  options.onProgress?.({ what: `unpacking ${wheel.requirement}`, received: 0, total: null });
  await extractZip(path, join(work, "root"), wheel.wanted ?? (() => true));
  await rm(path);
}

/** pip shows no progress to a pipe, so the size of what it writes is looked at. */
function watchGrowth(dir: string, wheel: Wheel, onProgress: InstallOptions["onProgress"]): () => void {
  if (!onProgress) return () => {};
  const what = `downloading ${wheel.requirement}`;
  onProgress({ what, received: 0, total: wheel.bytes ?? null });
  const timer = setInterval(async () => {
    const received = await sizeBelow(dir).catch(() => 0);
    onProgress({ what, received: Math.min(received, wheel.bytes ?? received), total: wheel.bytes ?? null });
  }, 250);
  return () => clearInterval(timer);
}

async function sizeBelow(dir: string): Promise<number> {
  let total = 0;
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && !entry.parentPath.includes("/root"))
      total += (await stat(join(entry.parentPath, entry.name)).catch(() => ({ size: 0 }))).size;
  }
  return total;
}

async function pipDownload(
  requirement: string,
  dir: string,
  work: string,
  { env = process.env, signal }: InstallOptions,
): Promise<void> {
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  const platforms = ["manylinux_2_27", "manylinux_2_28", "manylinux2014", "manylinux_2_17"].flatMap((tag) => [
    "--platform",
    `${tag}_${machine}`,
  ]);
  const python = env.CNN_DIST_PYTHON ?? "python3";
  const args = [
    "-m",
    "pip",
    "download",
    "--no-deps",
    "--no-cache-dir",
    "--disable-pip-version-check",
    "--only-binary=:all:",
    "--python-version",
    "3.12",
    "--implementation",
    "cp",
    "--abi",
    "cp312",
    "--abi",
    "abi3",
    "--abi",
    "none",
    ...platforms,
    "-d",
    dir,
    requirement,
  ];
  // TMPDIR puts pip's unfinished file where its growth is seen and where it is swept.
  await runToEnd(python, args, { ...env, TMPDIR: work, PIP_NO_INPUT: "1" }, signal);
}

function runToEnd(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ["ignore", "ignore", "pipe"], ...(signal ? { signal } : {}) });
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-4000);
    });
    child.once("error", (error) => reject(new CnnDistError("pip", `${command} could not be run: ${error.message}`)));
    child.once("close", (code, killed) => {
      if (code === 0) return resolve();
      const lines = errors.split("\n").filter((line) => /error/i.test(line));
      reject(
        new CnnDistError(
          "pip",
          `'${command} -m pip download ${args.at(-1)}' ${killed ? `was ended by ${killed}` : `failed (exit ${code})`}: ${(lines.length > 0 ? lines : errors.trim().split("\n")).slice(-3).join(" ")}`,
        ),
      );
    });
  });
}
