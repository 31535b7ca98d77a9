/** The command line, run inside the test or as the process that a person starts. */
import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { main } from "../../src/cli.js";

export const BIN = fileURLToPath(new URL("../../../bin/cnn-dist.js", import.meta.url));

export interface Output {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** `main` with the given words: for what ends before any process is started. */
export async function inProcess(words: readonly string[], columns = 100): Promise<Output> {
  const texts = { stdout: "", stderr: "" };
  const stream = (name: "stdout" | "stderr") => {
    const through = Object.assign(new PassThrough(), { columns, isTTY: false });
    through.on("data", (chunk: Buffer) => {
      texts[name] += chunk.toString();
    });
    return through;
  };
  const code = await main(words, { stdout: stream("stdout"), stderr: stream("stderr"), env: {} });
  await new Promise((resolve) => setImmediate(resolve));
  return { code, ...texts };
}

export interface Started {
  child: ChildProcess;
  /** So far; the code once it has ended. */
  output: Readonly<Output>;
  /** Resolves when the text has appeared on either stream; rejects when the process ends without it. */
  said(text: string | RegExp): Promise<void>;
  ended: Promise<Output>;
}

/** `cnn-dist WORDS` as a process; the current directory is `cwd`. */
export function start(words: readonly string[], options: { cwd: string; env?: NodeJS.ProcessEnv }): Started {
  return startProcess(process.execPath, [BIN, ...words], options);
}

/** Any process, watched as one of ours. */
export function startProcess(
  file: string,
  words: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): Started {
  const child = spawn(file, words, {
    cwd: options.cwd,
    env: { ...process.env, NO_COLOR: "1", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: Output = { code: null, stdout: "", stderr: "" };
  const changes = new EventEmitter();
  changes.setMaxListeners(0);
  for (const name of ["stdout", "stderr"] as const)
    child[name].on("data", (chunk: Buffer) => {
      output[name] += chunk.toString();
      changes.emit("change");
    });
  const ended = new Promise<Output>((resolve) => {
    child.once("close", (code) => {
      output.code = code;
      resolve(output);
    });
  });
  const holds = (text: string | RegExp) =>
    [output.stdout, output.stderr].some((all) => (typeof text === "string" ? all.includes(text) : text.test(all)));
  const said = (text: string | RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (holds(text)) resolve();
      };
      changes.on("change", look);
      ended.then(() =>
        holds(text) ? resolve() : reject(new Error(`${text} never appeared:\n${output.stdout}\n${output.stderr}`)),
      );
      look();
    });
  return { child, output, said, ended };
}

export function run(words: readonly string[], options: { cwd: string; env?: NodeJS.ProcessEnv }): Promise<Output> {
  return start(words, options).ended;
}
