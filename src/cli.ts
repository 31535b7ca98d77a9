/** The command line: words in, exit code out. Commands are loaded once one is chosen. */
import { createRequire } from "node:module";
import type { Argv } from "yargs";
import { type Command, type Given, type Io, nameOf, numberOr } from "./commands/command.js";
import { COMMANDS } from "./commands/commands.js";
import { type OutputWatch, watchOutput } from "./commands/output.js";
import { CnnDistError, EXIT, messageOf, UsageError } from "./errors.js";
import { nearest } from "./nearest.js";
import { VERSION } from "./version.js";

/** As CommonJS, which is one file and loads in a fifth of the time. */
const yargs = createRequire(import.meta.url)("yargs/yargs") as typeof import("yargs/yargs");

export async function main(argv: readonly string[], io: Io = process): Promise<number> {
  const output = watchOutput(io);
  try {
    const chosen = parse(argv, io);
    if (typeof chosen === "number") return await orLost(chosen, output);
    const { perform } = await import("./commands/terminal.js");
    const code = await perform(chosen.command, chosen.given, io, output);
    return chosen.command.lasting?.saves ? code : await orLost(code, output); // what a run leaves is in its folder
  } catch (error) {
    return report(error, io);
  }
}

/** A result that nobody can read is no success. A failed write is told in a later turn of the event loop. */
async function orLost(code: number, output: OutputWatch): Promise<number> {
  await new Promise((resolve) => setImmediate(resolve));
  return code === EXIT.done && output.resultsLost() ? EXIT.failed : code;
}

interface Chosen {
  command: Command;
  given: Given;
}

/** An exit code when there is nothing to do (help, version). */
function parse(argv: readonly string[], io: Io): Chosen | number {
  const chosen: { command: Command; args: Record<string, unknown> }[] = [];
  let output = "";
  const parser = yargs()
    .scriptName("cnn-dist")
    .locale("en")
    .usage("$0 <command>\n\nTrains convolutional networks data-parallel: one result on any number of workers.")
    .version(VERSION)
    .help()
    .alias("help", "h")
    .wrap(Math.max(70, Math.min(110, io.stdout.columns ?? 80))) // narrower, it would cut flags in two
    .parserConfiguration({
      "camel-case-expansion": false,
      "parse-numbers": false,
      "boolean-negation": false,
    })
    .strictOptions(false)
    .exitProcess(false)
    .fail((message, error) => {
      if (error && error.name !== "YError") throw error;
      throw new UsageError("usage", usageMessage(message ?? error.message, argv));
    })
    .epilog(
      "Examples:\n  cnn-dist launch --gpus 2 --model vgg13\n  cnn-dist resume runs/vgg13-fashion-mnist-20260101-120000",
    );
  for (const command of COMMANDS) {
    const positionals = command.positionals
      .map(({ name, required, many }) => (required ? ` <${name}${many ? ".." : ""}>` : ` [${name}${many ? ".." : ""}]`))
      .join("");
    parser.command(
      command.name + positionals,
      command.describe,
      (builder) => declare(builder, command),
      (args) => {
        chosen.push({ command, args: args as Record<string, unknown> });
      },
    );
  }
  parser.parse([...argv], {}, (_error, _args, text) => {
    output = text;
  });
  if (output !== "") {
    io.stdout.write(`${withoutTypes(output)}\n`);
    return EXIT.done;
  }
  const [picked] = chosen;
  if (picked) {
    refuseUnknown(picked.command, picked.args);
    return { command: picked.command, given: givenOf(picked.command, picked.args) };
  }
  const words = argv.filter((word) => !word.startsWith("-"));
  const names = COMMANDS.map(({ name }) => name);
  if (words[0] !== undefined)
    throw new UsageError(
      "usage",
      `unknown command "${words[0]}"${nearest(words[0], names)}. Commands: ${names.join(", ")}.`,
    );
  throw new UsageError(
    "usage",
    `a command is needed: ${names.join(", ")}. Try 'cnn-dist launch --gpus 2 --model vgg13', or 'cnn-dist --help'.`,
  );
}

function declare(builder: Argv, command: Command): Argv {
  for (const { name, describe } of command.positionals) builder.positional(name, { type: "string", describe });
  for (const { flag, alias, describe, kind, group, bare = false } of command.options) {
    builder.option(flag, {
      describe,
      group: `${group}:`,
      ...(alias === undefined ? {} : { alias }),
      ...(kind === "boolean"
        ? { type: "boolean" as const }
        : kind === "list"
          ? { type: "string" as const, array: true, nargs: 1 }
          : { type: "string" as const, requiresArg: !bare }),
    });
  }
  return builder;
}

/** yargs' own strict mode offers no near names for options. */
function refuseUnknown(command: Command, args: Record<string, unknown>): void {
  const known = command.options.flatMap(({ flag, alias }) => (alias ? [flag, alias] : [flag]));
  const positionals = command.positionals.map(({ name }) => name);
  for (const name of Object.keys(args)) {
    if (
      name === "_" ||
      name === "$0" ||
      name === "help" ||
      name === "h" ||
      name === "version" ||
      known.includes(name) ||
      positionals.includes(name)
    )
      continue;
    throw new UsageError(
      "usage",
      `${name.length === 1 ? "-" : "--"}${name} is not an option of ${command.name}${name.length === 1 ? "" : nearest(name, known, "--")}. Run 'cnn-dist ${command.name} --help'.`,
    );
  }
  const extra = (args._ as unknown[]).slice(1);
  if (extra.length > 0)
    throw new UsageError(
      "usage",
      `${command.name}: unexpected ${JSON.stringify(String(extra[0]))}. Run 'cnn-dist ${command.name} --help'.`,
    );
}

/**
 * By name, numbers read as numbers. Of an option that was given twice the last counts, so that `npm start -- --gpus 4` can
 * override what the script says; lists keep all.
 */
function givenOf(command: Command, args: Record<string, unknown>): Given {
  const given: Record<string, unknown> = {};
  for (const { name } of command.positionals) if (args[name] !== undefined) given[nameOf({ flag: name })] = args[name];
  for (const option of command.options) {
    const words = args[option.flag];
    if (words === undefined || (Array.isArray(words) && words.length === 0)) {
      if (option.missing !== undefined) throw new UsageError("usage", `${command.name}: ${option.missing}`);
      continue;
    }
    const word = option.kind !== "list" && Array.isArray(words) ? (words.at(-1) as unknown) : words;
    given[nameOf(option)] = option.kind === "number" ? numberOr(word) : option.bare && word === "" ? true : word;
  }
  return given;
}

/** Every value is a word to yargs, whatever its schema says: "[string]" would only mislead. */
function withoutTypes(help: string): string {
  const type = "\\[(?:string|boolean|array)\\](?: \\[required\\])?(?: \\[default: \\[\\]\\])?$";
  return help.replace(new RegExp(`^ +${type}\n`, "gm"), "").replace(new RegExp(` *${type}`, "gm"), "");
}

/** yargs' own messages, said as ours are. */
function usageMessage(message: string, argv: readonly string[]): string {
  const command = COMMANDS.find(({ name }) => argv.includes(name));
  const missing = /^Not enough arguments following: (.+)$/.exec(message)?.[1];
  if (missing !== undefined) return `--${missing} needs a value. Run 'cnn-dist ${command?.name ?? ""} --help'.`;
  const given = /^Not enough non-option arguments: got (\d+)/.exec(message)?.[1];
  const positional = given === undefined ? undefined : command?.positionals[Number(given)];
  if (command && positional)
    return `${command.name}: <${positional.name}>, ${positional.describe}, is needed. Run 'cnn-dist ${command.name} --help'.`;
  return `${message}. Run 'cnn-dist --help'.`;
}

function report(error: unknown, io: Io): number {
  if (error instanceof CnnDistError) {
    io.stderr.write(`cnn-dist: ${error.message}\n`);
    if (io.env.CNN_DIST_DEBUG) io.stderr.write(`${error.stack}\n`);
    return error.exitCode;
  }
  if ((error as NodeJS.ErrnoException | null)?.code === "EMFILE") {
    io.stderr.write(
      `cnn-dist: this process may not open as many files as it needs: ${messageOf(error)}. Raise the limit: 'ulimit -n 1024' before the command.\n`,
    );
    return EXIT.failed;
  }
  io.stderr.write(
    `cnn-dist: unexpected error: ${error instanceof Error ? (io.env.CNN_DIST_DEBUG ? error.stack : error.message) : String(error)}\n(CNN_DIST_DEBUG=1 shows where)\n`,
  );
  return EXIT.failed;
}
