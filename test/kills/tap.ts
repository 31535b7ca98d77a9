/**
 * Loaded before the command line (`node --import`) in the process of a run's coordinator: counts its changes to files and
 * its messages, and kills this process, or one that it started, as one of them is about to happen. Nothing of the run knows
 * of it.
 */
import fs from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import process from "node:process";
import type { WorkerOptions } from "node:worker_threads";
import threads, { getEnvironmentData, isMainThread, setEnvironmentData } from "node:worker_threads";
import type { Router } from "zeromq";
import { decodeToCoordinator, decodeToWorker } from "../../src/protocol/codec.js";
import type { ToCoordinator, ToWorker } from "../../src/protocol/messages.js";
import { TAP_VARIABLE, type TapReport, type TapSettings } from "./moment.js";
import { childrenOf, nameOf, pick } from "./processes.js";

const settings = JSON.parse(process.env[TAP_VARIABLE]!) as TapSettings;
const { writeFileSync, writeSync } = fs; // as they were
/** Of all threads: changes to files, and messages. */
const seen = isMainThread ? new Int32Array(new SharedArrayBuffer(8)) : (getEnvironmentData("seen") as Int32Array);
setEnvironmentData("seen", seen);
const KINDS = { file: 0, message: 1 } as const;

type Call = (this: unknown, ...parameters: unknown[]) => unknown;

function report(killed: TapReport["killed"]): void {
  const content: TapReport = { files: seen[KINDS.file]!, messages: seen[KINDS.message]!, killed };
  writeFileSync(settings.report, JSON.stringify(content));
}

function happens(kind: "file" | "message", what: () => string): boolean {
  const number = Atomics.add(seen, KINDS[kind], 1) + 1;
  const { moment, victim } = settings;
  if (moment?.kind !== kind || moment.at !== number) return false;
  const pid = victim === "coordinator" ? process.pid : (pick(childrenOf(process.pid), victim.share) ?? process.pid);
  report({ pid, when: `${nameOf(pid)} ${what()}` });
  if (pid !== process.pid) process.kill(pid, "SIGKILL");
  return pid === process.pid;
}

const die = () => void process.kill(process.pid, "SIGKILL");

/** The last parts of a path, also of a file that is open. */
function placeOf(target: unknown): string {
  const fd = typeof target === "object" && target !== null && "fd" in target ? target.fd : target;
  const path = typeof fd === "number" ? fs.readlinkSync(`/proc/self/fd/${fd}`) : String(target);
  return path.split("/").slice(-2).join("/");
}

function watch(owner: object, names: readonly string[]): void {
  const calls = owner as Record<string, Call>;
  for (const name of names) {
    const original = calls[name]!;
    calls[name] = function (...parameters) {
      const target = ["string", "number"].includes(typeof parameters[0]) ? parameters[0] : this;
      if (happens("file", () => `before ${name} of ${placeOf(target)}`)) die();
      return original.apply(this, parameters);
    };
  }
}

/** The kernel may end a process between two pages of what it writes: some of the bytes are there then. */
function watchWrites(): void {
  fs.writeSync = ((file: number, bytes: Uint8Array | string, ...rest: number[]) => {
    if (happens("file", () => `in a write to ${placeOf(file)}`)) {
      // Of a text its place follows, of bytes the first one, their number and then the place.
      const [first, place] = typeof bytes === "string" ? [0, rest[0]] : [rest[0] ?? 0, rest[2]];
      const whole = Buffer.from(bytes as Uint8Array).subarray(first);
      writeSync(file, whole, 0, Math.floor(whole.length * (settings.cut ?? 1 / 2)), place ?? null);
      die();
    }
    return writeSync(file, bytes as Uint8Array, ...rest);
  }) as typeof fs.writeSync;
}

/** Threads that this process starts are watched in the same way. */
function watchThreads(): void {
  const { Worker } = threads;
  threads.Worker = class extends Worker {
    constructor(module: URL, options: WorkerOptions) {
      super(module, { ...options, execArgv: ["--import", import.meta.url] });
    }
  };
}

const worded = (message: ToCoordinator | ToWorker) =>
  [
    message.type,
    ...("step" in message ? [`step ${message.step}`] : []),
    ...("bucket" in message ? [`bucket ${message.bucket}`] : []),
    ...("rank" in message ? [`rank ${message.rank}`] : []),
  ].join(" ");

function watchMessages(): void {
  const { prototype } = (createRequire(import.meta.url)("zeromq") as { Router: typeof Router }).Router;
  const { receive, send } = prototype;
  const watched: Pick<Router, "receive" | "send"> = {
    async receive(this: Router) {
      const parts = await receive.call(this);
      const decoded = decodeToCoordinator((parts as Buffer[]).slice(1));
      // Signs of life come by the clock; without them the n-th message is nearly the same one in every run.
      const counts = decoded.ok && decoded.message.type !== "heartbeat";
      if (counts && happens("message", () => `before it saw ${worded(decoded.message)}`)) die();
      return parts;
    },
    async send(this: Router, message, ...rest) {
      const decoded = decodeToWorker((message as Uint8Array[]).slice(1));
      if (decoded.ok && happens("message", () => `before it sent ${worded(decoded.message)}`)) die();
      return send.call(this, message, ...rest);
    },
  };
  for (const [name, value] of Object.entries(watched)) Object.defineProperty(prototype, name, { value });
}

const handle = await fs.promises.open("/dev/null");
await handle.close();
watch(fs, ["writeFileSync", "renameSync", "linkSync", "copyFileSync", "rmSync", "mkdirSync", "mkdtempSync"]);
watch(fs, ["fsyncSync"]);
watch(fs.promises, ["rename", "rm", "mkdir"]);
watch(Object.getPrototypeOf(handle), ["writeFile", "sync"]);
watchWrites();
watchThreads();
syncBuiltinESMExports();
// Sockets and the report are the main thread's alone.
if (isMainThread) {
  watchMessages();
  process.once("exit", () => {
    if (settings.moment === null) report(null);
  });
}
