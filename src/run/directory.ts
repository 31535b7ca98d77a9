/** A run's folder: recipe, events, logs, checkpoints, and a lock so that only one run writes to it. */
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { type Recipe, recipeCodec, written } from "../config/recipe.js";
import { validate } from "../config/validate.js";
import { CnnDistError, messageOf, UsageError } from "../errors.js";
import { RunLock } from "../lock/lock.js";
import { makeFolder } from "../make-folder.js";
import type { LogTail } from "../membership/ports.js";
import { nameOf } from "../models/choice.js";
import { LineFile } from "./line-file.js";
import { resumeCommand } from "./resume-command.js";

/** The first line of each incarnation's part of a worker's log. */
export const headerOf = (text: string) => `--- ${new Date().toISOString()} ${text}`;
const HEADER = /^--- \d{4}-\d\d-\d\dT\S+ rank /;

/** Once another run holds the folder (`lock`), nothing more is written to it: what is recorded and logged is dropped. */
export class RunDirectory {
  readonly path: string;
  readonly lock: RunLock;
  readonly #events: LineFile;
  readonly #replay: LineFile;
  readonly #log: LineFile;
  #onTrouble: (message: string) => void = () => {};
  #inTrouble = false;

  private constructor(path: string, lock: RunLock) {
    this.path = path;
    this.lock = lock;
    const file = (...names: string[]) =>
      new LineFile(join(path, ...names), (failed, error) => this.#tellOnce(failed, error));
    this.#events = file("metrics.jsonl");
    this.#replay = file("replay.jsonl");
    this.#log = file("logs", "coordinator.log");
  }

  /**
   * A new run's folder; UsageError if it holds a run that has trained already, is in use, or cannot be written. Null: one
   * of a new name. Logs of a run that failed before its first step are kept and gone on with.
   */
  static create(path: string | null, recipe: Recipe): RunDirectory {
    const dir = path === null ? newDirectory(defaultRunDir(recipe, new Date())) : resolve(path);
    makeDirectories(dir);
    const lock = RunLock.take(join(dir, "lock"));
    try {
      if (hasTrained(dir))
        throw new UsageError(
          "run-dir",
          `--run-dir ${dir} holds a run already. Resume it with '${resumeCommand(dir)}' or by --auto-resume, or choose another folder.`,
        );
      writeRecipe(dir, recipe);
      return new RunDirectory(dir, lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** The folder of a run to go on with. */
  static open(path: string): RunDirectory {
    const dir = resolve(path);
    assertRun(dir);
    makeDirectories(dir);
    return new RunDirectory(dir, RunLock.take(join(dir, "lock")));
  }

  /** Called once, with the first thing that could not be written beside checkpoints; the run goes on. */
  onTrouble(tell: (message: string) => void): void {
    this.#onTrouble = tell;
  }

  /** One line of metrics.jsonl. */
  record(event: unknown): void {
    if (this.lock.isHeld()) this.#events.append(JSON.stringify(event));
  }

  /** One line of replay.jsonl: what a step left, for `verify`. */
  recordReplay(entry: unknown): void {
    if (this.lock.isHeld()) this.#replay.append(JSON.stringify(entry));
  }

  log(line: string): void {
    if (this.lock.isHeld()) this.#log.append(`${new Date().toISOString()} ${line}`);
  }

  /** A file descriptor for what a worker writes, to be closed by the caller; null where there is no space for one, or no right to it. */
  openWorkerLog(rank: number, header: string): number | null {
    if (!this.lock.isHeld()) return null;
    const path = this.workerLog(rank);
    try {
      const log = openSync(path, "a");
      try {
        writeSync(log, `${header}\n`);
      } catch (error) {
        this.#tellOnce(path, error); // the worker may find space later
      }
      return log;
    } catch (error) {
      this.#tellOnce(path, error);
      return null;
    }
  }

  logTail(rank: number): LogTail {
    return tailOf(this.workerLog(rank));
  }

  close(): void {
    for (const file of [this.#events, this.#replay, this.#log]) file.close();
    this.lock.release();
  }

  workerLog(rank: number): string {
    return join(this.path, "logs", `rank-${rank}.log`);
  }

  #tellOnce(path: string, error: unknown): void {
    if (this.#inTrouble) return;
    this.#inTrouble = true;
    this.#onTrouble(
      `${path} cannot be written (${messageOf(error)}). The training goes on, and lines will be missing from the run's records and logs until there is space again.`,
    );
  }
}

/** Lines of a log that are told with its worker's end. */
const TAIL_LINES = 12;

/** Of a worker's log, of its newest incarnation. */
export function tailOf(log: string): LogTail {
  try {
    const text = readFileSync(log, "utf8").trimEnd();
    const all = text === "" ? [] : text.split("\n");
    const header = all.findLastIndex((line) => HEADER.test(line));
    return { header: all[header] ?? "", lines: all.slice(header + 1).slice(-TAIL_LINES) };
  } catch {
    return { header: "", lines: [] };
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

/** Whether a step or a checkpoint of a run is there, whole or not: what nobody may lose by a second launch. */
export function hasTrained(dir: string): boolean {
  if (!existsSync(join(dir, "recipe.json"))) return false;
  const replayed = statSync(join(dir, "replay.jsonl"), { throwIfNoEntry: false });
  const checkpoints = join(dir, "checkpoints");
  return (replayed?.size ?? 0) > 0 || (existsSync(checkpoints) && readdirSync(checkpoints).length > 0);
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

/** Whole or not at all: with it, the folder is a run's. */
function writeRecipe(dir: string, recipe: Recipe): void {
  const path = join(dir, "recipe.json");
  const temporary = `${path}.tmp`;
  try {
    writeFileSync(temporary, `${JSON.stringify(written(recipe), null, 2)}\n`);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    const full = ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "");
    throw new CnnDistError(
      full ? "disk-full" : "output",
      `${path} cannot be written: ${messageOf(error)}. ${full ? "Free some space, or choose" : "Choose"} another folder by --run-dir.`,
      { cause: error },
    );
  }
}

function makeDirectories(dir: string): void {
  try {
    makeFolder(join(dir, "logs"));
    makeFolder(join(dir, "checkpoints"));
  } catch (error) {
    throw cannotBeMade(dir, error);
  }
}

/** Runs that start in the same second get a number each: making a folder is what only one of them can do. */
function newDirectory(wanted: string): string {
  try {
    makeFolder(dirname(wanted));
    for (let number = 1; ; number++) {
      const dir = number === 1 ? wanted : `${wanted}-${number}`;
      try {
        mkdirSync(dir);
        return dir;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
    }
  } catch (error) {
    throw cannotBeMade(wanted, error);
  }
}

function cannotBeMade(dir: string, error: unknown): UsageError {
  return new UsageError(
    "run-dir",
    `the run's folder ${dir} cannot be made: ${messageOf(error)}. Choose another by --run-dir.`,
    { cause: error },
  );
}

/** runs/<model>-<dataset>-<date>-<time>, in the current directory. */
export function defaultRunDir(recipe: Pick<Recipe, "model" | "dataset">, now: Date): string {
  const model = basename(nameOf(recipe.model)).replace(/\.(json|[cm]?[jt]s)$/, "");
  const stamp = now.toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  return resolve("runs", `${model}-${recipe.dataset}-${stamp}`);
}
