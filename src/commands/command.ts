/** The shape of a command. Nothing heavy may be imported here or by the option tables: `--help` reads them all. */
import type { Readable, Writable } from "node:stream";

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
  /** `number` is only how it is parsed; whether the value makes sense is judged by the schemas, with better words. */
  kind: "string" | "number" | "boolean" | "list";
  /** Key of the recipe or placement that it sets; absent for the command's own options. */
  key?: string;
  group: "Recipe" | "Placement" | "Output" | "Options";
}

export interface PositionalSpec {
  name: string;
  describe: string;
  required: boolean;
  /** One or more, in a list; the last of a command. */
  many?: boolean;
}

export interface Command {
  name: string;
  describe: string;
  positionals: readonly PositionalSpec[];
  options: readonly OptionSpec[];
  /** Resolves with the exit code; throws CnnDistError. */
  run(args: Args, io: Io): Promise<number>;
}

/** What was on the command line, by flag; absent flags are undefined. */
export type Args = Readonly<Record<string, unknown>>;
