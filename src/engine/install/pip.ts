/** One wheel by the pip that this machine has: its settings (index, proxy, certificates) are the user's own. */
import { spawn } from "node:child_process";
import { CnnDistError } from "../../errors.js";
import { platformTags } from "./wheels.js";

export interface PipOptions {
  requirement: string;
  /** Where the wheel goes. */
  dir: string;
  /** Where pip keeps what is unfinished: its growth is seen there, and it is swept from there. */
  temporary: string;
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
  /** The wheel's size, as soon as pip tells it; rounded. */
  onSize?: (bytes: number) => void;
}

/** Ways to start pip, the likeliest first. A Python that the user names is the only one asked. */
function pips(env: NodeJS.ProcessEnv): string[][] {
  if (env.CNN_DIST_PYTHON) return [[env.CNN_DIST_PYTHON, "-m", "pip"]];
  return [["python3", "-m", "pip"], ["pip3"], ["uv", "tool", "run", "pip"]];
}

/** Throws CnnDistError `pip`: what was tried, or what pip itself said; the signal's reason when it fired. */
export async function pipDownload(options: PipOptions): Promise<void> {
  const missing: string[] = [];
  for (const [command = "", ...words] of pips(options.env)) {
    const result = await runToEnd(command, [...words, ...downloadArguments(options)], options);
    options.signal?.throwIfAborted();
    if (result.ok) return;
    if (!result.absent) throw new CnnDistError("pip", `${[command, ...words].join(" ")} download ${result.why}`);
    missing.push(result.why);
  }
  throw new CnnDistError("pip", `there is no pip: ${missing.join("; ")}`);
}

function downloadArguments({ requirement, dir }: PipOptions): string[] {
  return [
    "download",
    "--no-deps",
    "--no-cache-dir",
    "--disable-pip-version-check",
    "--only-binary=:all:",
    "--python-version=3.12",
    "--implementation=cp",
    ...["cp312", "abi3", "none"].map((abi) => `--abi=${abi}`),
    ...platformTags().map((tag) => `--platform=${tag}`),
    "-d",
    dir,
    requirement,
  ];
}

type Ended = { ok: true } | { ok: false; absent: boolean; why: string };

/** How long pip may take to end when it is asked to. */
const GRACE_MS = 3000;

/** Resolves when the process has ended, an abort included: only then does nothing write into its folders any more. */
function runToEnd(
  command: string,
  args: readonly string[],
  { requirement, temporary, env, signal, onSize }: PipOptions,
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: { ...env, TMPDIR: temporary, PIP_NO_INPUT: "1", PYTHONUNBUFFERED: "1", NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-4000);
    });
    child.stdout.on("data", (chunk: Buffer) => {
      const size = sizeIn(chunk.toString());
      if (size !== null) onSize?.(size);
    });
    let killing: NodeJS.Timeout | undefined;
    const stop = () => {
      child.kill("SIGTERM");
      killing = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
    };
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
    const settle = (ended: Ended) => {
      clearTimeout(killing);
      signal?.removeEventListener("abort", stop);
      resolve(ended);
    };
    child.once("error", (error) => {
      if (child.pid === undefined)
        settle({ ok: false, absent: true, why: `${command} could not be run: ${error.message}` });
    });
    child.once("close", (code, killed) => {
      if (code === 0) return settle({ ok: true });
      if (/No module named '?pip\b/.test(errors))
        return settle({ ok: false, absent: true, why: `${command}: No module named pip` });
      const lines = errors.split("\n").filter((line) => /error/i.test(line));
      const said = (lines.length > 0 ? lines : errors.trim().split("\n")).slice(-3).join(" ");
      const how = killed ? `was ended by ${killed}` : `failed (exit ${code})`;
      settle({ ok: false, absent: false, why: `${requirement} ${how}: ${said}` });
    });
  });
}

const UNITS: Readonly<Record<string, number>> = { kB: 1e3, MB: 1e6, GB: 1e9 };

/** The bytes of pip's "Downloading …whl (274.0 MB)"; null in other lines. */
export function sizeIn(line: string): number | null {
  const [, number, unit = ""] = /Downloading .*\.whl \(([\d.]+) (kB|MB|GB)\)/.exec(line) ?? [];
  return number === undefined ? null : Number(number) * UNITS[unit]!;
}
