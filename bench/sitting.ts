/** What the tables of one sitting share: other programs to ask, and runs that one table made and another reads. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { earlyEnvironment } from "../src/run/fork-worker.js";
import { type Measured, measure, type Training } from "./training.js";

export const execute = promisify(execFile);
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface Sitting {
  /** A Python with PyTorch, and one with TensorFlow; null where none was named. */
  python: string | null;
  tensorflowPython: string | null;
  runs: Runs;
}

export type Bench = (sitting: Sitting) => Promise<void>;

/** A program of this folder in a process of its own, in the environment that a worker has; what it prints, as a number. */
export async function figure(script: string, ...words: readonly (string | number)[]): Promise<number> {
  return Number(await program(script, ...words));
}

export async function program(script: string, ...words: readonly (string | number)[]): Promise<string> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { stdout } = await execute(process.execPath, [path, ...words.map(String)], {
    env: { ...earlyEnvironment(process.env), TF_CPP_MIN_LOG_LEVEL: "3" },
  });
  return stdout;
}

/** bench/step.ts: milliseconds. */
export const step = (
  model: string,
  batch: number,
  mode: string,
  threads: number,
  precision: "fp32" | "bf16" = "fp32",
): Promise<number> => figure("step.js", model, batch, mode, threads, precision);

/** A peer's script of this folder, by a Python that has what it needs. */
export async function peer(python: string, script: string, ...words: readonly (string | number)[]): Promise<string> {
  const { stdout } = await execute(python, [join(ROOT, "bench", script), ...words.map(String)]);
  return stdout;
}

/** Each training is measured once a round, whichever table asks first. */
export class Runs {
  readonly #made = new Map<string, Measured[]>();

  async at(training: Training, round: number): Promise<Measured> {
    const key = JSON.stringify(Object.entries(training).sort());
    const made = this.#made.get(key) ?? [];
    this.#made.set(key, made);
    made[round] ??= await measure(training);
    return made[round];
  }
}
