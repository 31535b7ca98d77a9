/** What was measured on, and with: nobody can read a figure without it. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { bytes } from "../src/format.js";
import { VERSION } from "../src/version.js";
import { execute } from "./sitting.js";

export async function heading(python: string | null, tensorflow: string): Promise<string> {
  const parts = [
    `cnn-dist ${VERSION}${await commit()}`,
    `TensorFlow ${tensorflow}`,
    ...(python === null ? [] : [`PyTorch ${await torchVersion(python)}`]),
    `Node ${process.versions.node}`,
    new Date().toISOString().slice(0, 10),
  ];
  return `${machine()}. ${parts.join(", ")}. Medians; in brackets the lowest and the highest ratio of a pair that was measured one after the other.`;
}

function machine(): string {
  const instructions = ["avx2", "avx512f", "avx512_bf16", "amx_bf16"].filter((flag) => cpuFlags().has(flag));
  const model = cpus()[0]?.model.trim() ?? "an unknown processor";
  return `${availableParallelism()} cores of ${model} (${instructions.join(", ") || "no vector instructions that are known here"}), ${bytes(totalmem())} of memory, Linux ${release()}`;
}

function cpuFlags(): Set<string> {
  return new Set(/^flags\s*: (.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" ") ?? []);
}

async function torchVersion(python: string): Promise<string> {
  return (await execute(python, ["-c", "import torch; print(torch.__version__)"])).stdout.trim();
}

async function commit(): Promise<string> {
  try {
    const cwd = join(import.meta.dirname, "..");
    return ` (${(await execute("git", ["rev-parse", "--short", "HEAD"], { cwd })).stdout.trim()})`;
  } catch {
    return ""; // not a clone
  }
}
