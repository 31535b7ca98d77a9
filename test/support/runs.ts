/** Real runs for tests: real processes, real TensorFlow, small data. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { PLACEMENT_DEFAULTS, type Placement } from "../../src/config/placement.js";
import { type RecipeOverrides, resolveRecipe } from "../../src/config/resolve.js";
import type { DoneEvent, RunEvent } from "../../src/events.js";
import type { RunServices, StartOptions } from "../../src/run/context.js";
import { startRun } from "../../src/run/run.js";
import { CLI, ROOT } from "./fixtures.js";
import { tensorflowDir } from "./tensorflow.js";

/** Removed when the test ends. */
export function scratch(context: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "cnn-dist-test-"));
  context.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Two batches of 64 and a short one of 22 an epoch. */
export const SMALL_DATA = { height: 28, width: 28, channels: 1, classes: 10, train: 150, test: 60 };

export interface RunOutcome {
  done: DoneEvent;
  events: RunEvent[];
}

export async function runHere(
  context: TestContext,
  model: string,
  {
    overrides = {},
    placement = {},
    services,
    ...options
  }: { overrides?: RecipeOverrides; placement?: Partial<Placement>; services?: RunServices } & Partial<
    Omit<StartOptions, "recipe" | "placement">
  >,
): Promise<RunOutcome> {
  const env = { ...process.env, CNN_DIST_TENSORFLOW: await tensorflowDir() };
  const recipe = resolveRecipe({
    model,
    overrides: { dataset: "synthetic", datasetOptions: SMALL_DATA, ...overrides },
    workers: 2,
  });
  const run = startRun(
    {
      recipe,
      placement: {
        ...PLACEMENT_DEFAULTS,
        device: "cpu",
        runDir: join(scratch(context), "run"),
        metrics: false,
        ...placement,
      },
      env,
      ...options,
    },
    services,
  );
  const events: RunEvent[] = [];
  for await (const event of run) events.push(event);
  return { done: (await run.result)!, events };
}

export interface CliRun {
  child: ChildProcess;
  /** JSON lines of stdout so far. */
  events: RunEvent[];
  stdout: () => string;
  stderr: () => string;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Resolves with the first event that fits; rejects when the process ends without one. */
  waitFor(fits: (event: RunEvent) => boolean): Promise<RunEvent>;
}

/** `cnn-dist …` as a process of its own. */
export async function cli(
  args: readonly string[],
  {
    cwd = ROOT,
    env = {},
    nodeOptions = [],
  }: { cwd?: string; env?: NodeJS.ProcessEnv; nodeOptions?: readonly string[] } = {},
): Promise<CliRun> {
  const child = spawn(process.execPath, [...nodeOptions, CLI, ...args], {
    cwd,
    // Whatever started the tests (nohup, say) did not start this.
    env: { ...process.env, _: process.execPath, CNN_DIST_TENSORFLOW: await tensorflowDir(), NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err, rest] = ["", "", ""];
  const events: RunEvent[] = [];
  const waiting: {
    fits: (event: RunEvent) => boolean;
    resolve: (event: RunEvent) => void;
    reject: (error: Error) => void;
  }[] = [];
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk;
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines.filter((each) => each.startsWith("{"))) {
      const event = JSON.parse(line) as RunEvent;
      events.push(event);
      for (const each of waiting) if (each.fits(event)) each.resolve(event);
    }
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk;
  });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.once("close", (code, signal) => resolve({ code, signal })),
  );
  void ended.then(({ code }) => {
    for (const { reject } of waiting) reject(new Error(`the process ended with ${code} before the event came\n${err}`));
  });
  return {
    child,
    events,
    stdout: () => out,
    stderr: () => err,
    ended,
    waitFor: (fits) =>
      new Promise((resolve, reject) => {
        const found = events.find(fits);
        if (found) resolve(found);
        else waiting.push({ fits, resolve, reject });
      }),
  };
}
