/** A run's folder: recipe, events, logs, checkpoints, and a lock so that only one run writes to it. */
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, join, resolve } from "node:path";
import { type Recipe, recipeCodec, written } from "../config/recipe.js";
import { validate } from "../config/validate.js";
import { messageOf, UsageError } from "../errors.js";
import { nameOf } from "../models/choice.js";
import { processIdentity } from "../process-identity.js";

export class RunDirectory {
  readonly path: string;
  readonly #events: number;
  #open = true;

  private constructor(path: string) {
    this.path = path;
    this.#events = openSync(join(path, "metrics.jsonl"), "a");
  }

  /** A new run's folder; UsageError if it holds a run already, is in use, or cannot be written. */
  static create(path: string): RunDirectory {
    const dir = resolve(path);
    makeDirectories(dir);
    takeLock(dir);
    if (existsSync(join(dir, "recipe.json"))) {
      rmSync(join(dir, "lock"), { force: true });
      throw new UsageError(
        "run-dir",
        `--run-dir ${dir} holds a run already. Resume it with 'cnn-dist resume ${dir}', or choose another folder.`,
      );
    }
    return new RunDirectory(dir);
  }

  /** The folder of a run to go on with. */
  static open(path: string): RunDirectory {
    const dir = resolve(path);
    assertRun(dir);
    makeDirectories(dir);
    takeLock(dir);
    return new RunDirectory(dir);
  }

  writeRecipe(recipe: Recipe): void {
    writeFileSync(join(this.path, "recipe.json"), `${JSON.stringify(written(recipe), null, 2)}\n`);
  }

  /** One line of metrics.jsonl. */
  record(event: unknown): void {
    if (this.#open) writeSync(this.#events, `${JSON.stringify(event)}\n`);
  }

  /** One line of replay.jsonl: what a step left, for `verify`. */
  recordReplay(entry: unknown): void {
    appendFileSync(join(this.path, "replay.jsonl"), `${JSON.stringify(entry)}\n`);
  }

  log(line: string): void {
    appendFileSync(join(this.path, "logs", "coordinator.log"), `${new Date().toISOString()} ${line}\n`);
  }

  workerLog(rank: number): string {
    return join(this.path, "logs", `rank-${rank}.log`);
  }

  /** The last lines that a worker wrote; "" if it wrote none. */
  logTail(rank: number, lines = 12): string {
    try {
      return readFileSync(this.workerLog(rank), "utf8").trimEnd().split("\n").slice(-lines).join("\n");
    } catch {
      return "";
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#events);
    rmSync(join(this.path, "lock"), { force: true });
  }
}

function assertRun(dir: string): void {
  if (existsSync(join(dir, "recipe.json"))) return;
  const found = existsSync(dir) ? "it has no recipe.json" : "it does not exist";
  throw new UsageError(
    "run-dir",
    `${dir} is not the folder of a run: ${found}. Give the folder that 'cnn-dist launch' printed.`,
  );
}

/** The recipe that a run was begun with. */
export function readRecipe(runDir: string): Recipe {
  const path = join(runDir, "recipe.json");
  assertRun(runDir);
  try {
    return validate(recipeCodec, JSON.parse(readFileSync(path, "utf8")), path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(
      "run-dir",
      `${path} cannot be read: ${messageOf(error)}. Give the folder that 'cnn-dist launch' printed.`,
      { cause: error },
    );
  }
}

function makeDirectories(dir: string): void {
  try {
    mkdirSync(join(dir, "logs"), { recursive: true });
    mkdirSync(join(dir, "checkpoints"), { recursive: true });
  } catch (error) {
    throw new UsageError(
      "run-dir",
      `the run's folder ${dir} cannot be made: ${messageOf(error)}. Choose another by --run-dir.`,
      { cause: error },
    );
  }
}

/** A lock of a process that is dead is taken over. */
function takeLock(dir: string): void {
  const path = join(dir, "lock");
  const mine = processIdentity(process.pid) ?? String(process.pid);
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(path, mine, { flag: "wx" });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST")
        throw new UsageError("run-dir", `${dir} cannot be locked: ${messageOf(error)}`, { cause: error });
    }
    const holder = readFileSync(path, "utf8");
    const pid = Number.parseInt(holder, 10);
    if (processIdentity(pid) === holder) {
      throw new UsageError(
        "run-dir-in-use",
        `${dir} is in use by another run (process ${pid}). Wait for it, stop it, or choose another folder by --run-dir.`,
      );
    }
    rmSync(path, { force: true });
  }
}

/** runs/<model>-<dataset>-<date>-<time>, in the current directory. */
export function defaultRunDir(recipe: Pick<Recipe, "model" | "dataset">, now: Date): string {
  const model = basename(nameOf(recipe.model)).replace(/\.(json|[cm]?[jt]s)$/, "");
  const stamp = now.toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  return resolve("runs", `${model}-${recipe.dataset}-${stamp}`);
}
