/** The shape of a command. Nothing heavy may be imported here or by the option tables: `--help` reads them all. */
import type { Readable, Writable } from "node:stream";
import type { Reporter } from "../terminal/reporter.js";

export interface Io {
  stdout: Writable & { isTTY?: boolean; columns?: number };
  stderr: Writable & { isTTY?: boolean; columns?: number };
  stdin?: Readable;
  env: NodeJS.ProcessEnv;
}

export interface OptionSpec {
  /** Without dashes. */
  flag: string;
  alias?: string;
  describe: string;
  /** How the words are split and read; whether the value makes sense is decided by the command's schema. */
  kind: "string" | "number" | "boolean" | "list";
  /** It may stand without a value, and is `true` then. */
  bare?: boolean;
  /** Key of the recipe or placement that it sets; absent for the command's own options. */
  key?: string;
  /** For an option that must be given: what is said when it is not. */
  missing?: string;
  group: "Recipe" | "Placement" | "Output" | "Options";
}

export interface PositionalSpec {
  name: string;
  describe: string;
  required: boolean;
  /** One or more, in a list; the last of a command. */
  many?: boolean;
}

/** What was on the command line, by name: --batch-size is batchSize. Absent options are absent; nothing is checked yet. */
export type Given = Readonly<Record<string, unknown>>;

/** For a command that takes a while: it greets at once, and stops when it is asked to. */
export interface Lasting {
  /** Null for a command that may have nothing to do: it greets nobody. */
  title: ((given: Given) => string) | null;
  /** What a stop leaves, in words, where that is not obvious. */
  stopped?: string;
  /** Whether a stop saves what was done so far. */
  saves: boolean;
}

export interface Command {
  name: string;
  describe: string;
  positionals: readonly PositionalSpec[];
  options: readonly OptionSpec[];
  /** Absent: signals end the process as they always do. */
  lasting?: Lasting;
  /** Schema and work, loaded once the command is chosen: zod alone takes half of the time that `--help` may take. */
  load(): Promise<Work>;
}

/** The second half of a command. */
export interface Work {
  /** Of all values that it takes: a test holds the option tables to them. */
  readonly names: readonly string[];
  /**
   * Resolves with the exit code. UsageError for values that the schema refuses, of which `positionals` are given without a
   * flag; CnnDistError when the work fails.
   */
  run(given: Given, terminal: Terminal, positionals: readonly string[]): Promise<number>;
}

/** What a command has of its terminal. */
export interface Terminal {
  io: Io;
  reporter: Reporter;
  /** Aborted, for a command that lasts, by the first signal that ends a program, and when nobody reads its output any more. */
  signal: AbortSignal;
}

/** --batch-size to batchSize; --gpus sets the key `workers`. */
export function nameOf({ flag, key }: Pick<OptionSpec, "flag" | "key">): string {
  return key ?? flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** What is no number stays as it is, for the schema to refuse in its words. */
export function numberOr<T>(word: T): T | number {
  return typeof word === "string" && word.trim() !== "" && Number.isFinite(Number(word)) ? Number(word) : word;
}
