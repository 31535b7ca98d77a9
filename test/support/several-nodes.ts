/** What runs over several machines are compared with, and what they leave in their folder. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { DoneEvent, RunEvent } from "../../src/events.js";
import { ROOT } from "./fixtures.js";
import { cli, scratch } from "./runs.js";
import { tensorflowDir } from "./tensorflow.js";

/** A recipe of so many steps, and where its workers are: one a machine. */
export const trainingOf = (steps: number): readonly string[] =>
  `--model lenet5 --dataset fashion-mnist --steps ${steps} --gpus 1 --device cpu --evaluate-every-epochs 0`.split(" ");

/** The weights of the same training on this machine alone. */
export async function weightsHere(context: TestContext, steps: number): Promise<string> {
  const run = await cli(["launch", ...trainingOf(steps), "--json", "--run-dir", join(scratch(context), "run")]);
  const { code } = await run.ended;
  assert.equal(code, 0, run.stderr());
  return (run.events.at(-1) as DoneEvent).weights_sha256!;
}

/** What the commands of a machine need to find `cnn-dist`, and its library; their user's notes lie in `dir`. */
export async function commandIn(dir: string): Promise<NodeJS.ProcessEnv> {
  const bin = join(dir, "bin");
  mkdirSync(bin, { recursive: true });
  const command = join(bin, "cnn-dist");
  writeFileSync(command, `#!/bin/sh\nexec ${process.execPath} ${join(ROOT, "bin/cnn-dist.js")} "$@"\n`);
  chmodSync(command, 0o755);
  return {
    PATH: `${bin}:${process.env.PATH}`,
    CNN_DIST_TENSORFLOW: await tensorflowDir(),
    XDG_STATE_HOME: join(dir, "state-home"),
    NO_COLOR: "1",
  };
}

/** What a run has recorded so far. */
export function eventsOf(runDir: string): RunEvent[] {
  let text: string;
  try {
    text = readFileSync(join(runDir, "metrics.jsonl"), "utf8");
  } catch {
    return [];
  }
  const lines = text.split("\n").slice(0, -1); // the last may not be whole
  return lines.map((line) => JSON.parse(line) as RunEvent);
}

/** Of the newest `done`; null before. */
export function weightsOf(runDir: string): string | null {
  const done = eventsOf(runDir).findLast((event) => event.event === "done");
  return (done as DoneEvent | undefined)?.weights_sha256 ?? null;
}

/** The newest step that a run has recorded. */
export function stepOf(runDir: string): number {
  const last = eventsOf(runDir).findLast((event) => event.event === "step");
  return last?.event === "step" ? last.step : 0;
}
