/**
 * Loaded before anything else in every process of a trial (NODE_OPTIONS): counts what its injection's kind counts, in
 * coordinator or workers, and does it once, in the first process that comes to that point. Nothing of the run knows of it.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import process from "node:process";
import threads, { isMainThread } from "node:worker_threads";
import type { Dealer, Router } from "zeromq";
import { decodeToCoordinator, decodeToWorker } from "../../src/protocol/codec.js";
import { factsOf, type KindFacts } from "./kinds.js";
import { type Injected, REPORT, TAP_VARIABLE, type TapSettings } from "./told.js";
import { Wire } from "./wire.js";

const { injection, dir }: TapSettings = JSON.parse(process.env[TAP_VARIABLE]!);
const facts: KindFacts = factsOf(injection.kind);
/** As they were. */
const { openSync, writeSync, closeSync } = fs;
const isWorker = process.env.CNN_DIST_WORKER !== undefined;
/** What this process is, for its threads, which do not see its words. */
const ROLE = "CNN_DIST_CHAOS_ROLE";
if (isMainThread) process.env[ROLE] = process.argv[2] ?? "";
const isCoordinator = !isWorker && /^(launch|resume|coordinator)$/.test(process.env[ROLE] ?? "");
const here = facts.who === "worker" ? isWorker : isCoordinator;

let seen = 0;
/** What was begun here and goes on: messages that are swallowed, a disk that stays full. */
let untilMs = 0;

/** Whether this is the moment; only one process of a trial has it. */
function happens(point: KindFacts["point"], what: string): boolean {
  if (!here || facts.point !== point || ++seen !== injection.at) return false;
  try {
    const content: Injected = { time: Date.now() / 1000, what };
    const file = openSync(join(dir, REPORT), "wx");
    writeSync(file, JSON.stringify(content));
    closeSync(file);
  } catch {
    return false; // another process came first
  }
  untilMs = Date.now() + injection.seconds * 1000;
  return true;
}

/** What is done to this process. */
function act(): void {
  switch (facts.act) {
    case "kill":
      process.kill(process.pid, "SIGKILL");
      return;
    case "freeze":
      process.kill(process.pid, "SIGSTOP");
      return;
    case "nap":
      spawn("sh", ["-c", `sleep ${injection.seconds.toFixed(2)}; kill -CONT ${process.pid}`], {
        stdio: "ignore",
      }).unref();
      process.kill(process.pid, "SIGSTOP");
      return;
    case "busy":
      while (Date.now() < untilMs);
      return;
    case "crash":
      setImmediate(() => {
        throw new Error("chaos: a crash");
      });
      return;
    case "hang":
      untilMs = Number.POSITIVE_INFINITY;
  }
}

const WORK = new Set(["loss", "bucket", "finished", "assign", "weights"]);
const zeromq = createRequire(import.meta.url)("zeromq") as { Router: typeof Router; Dealer: typeof Dealer };

function define(owner: object, methods: object): void {
  for (const [name, value] of Object.entries(methods)) Object.defineProperty(owner, name, { value });
}

function watchWorker(): void {
  const { prototype } = zeromq.Dealer;
  const { receive, send } = prototype;
  const watched: Pick<Dealer, "receive" | "send"> = {
    async receive(this: Dealer) {
      const parts = await receive.call(this);
      const decoded = decodeToWorker(parts as Buffer[]);
      if (decoded.ok && decoded.message.type === "assign" && happens("assignment", "as it got an assignment")) act();
      return parts;
    },
    async send(this: Dealer, message, ...rest) {
      const decoded = decodeToCoordinator(message as Uint8Array[]);
      const type = decoded.ok ? decoded.message.type : "";
      const what = `before it sent ${type}`;
      if (type === "progress" && happens("progress", what)) act();
      if (type === "bucket" && happens("bucket", what)) act();
      if (WORK.has(type)) {
        if (happens("message", what)) act();
        if (facts.act === "hang" && Date.now() < untilMs) return;
      }
      return send.call(this, message, ...rest);
    },
  };
  define(prototype, watched);
}

async function watchWork(): Promise<void> {
  const [{ ShardLoader }, { Compute }] = await Promise.all([
    import("../../src/data/loader.js"),
    import("../../src/worker/compute.js"),
  ]);
  const { take } = ShardLoader.prototype;
  const { shard, evaluate } = Compute.prototype;
  /** What the worker tells before it compiles. */
  const watched = (compiling: (() => void) | undefined) => () => {
    compiling?.();
    if (happens("compile", "as it compiled")) act();
  };
  define(ShardLoader.prototype, {
    take(this: InstanceType<typeof ShardLoader>, ...given: Parameters<typeof take>) {
      if (happens("input", "as it prepared images")) act();
      return take.apply(this, given);
    },
  });
  define(Compute.prototype, {
    shard(this: InstanceType<typeof Compute>, ...[input, weights, sink]: Parameters<typeof shard>) {
      const computing = shard.call(this, input, weights, { ...sink, compiling: watched(sink.compiling) });
      if (happens("compute", "as it computed")) act();
      return computing;
    },
    evaluate(this: InstanceType<typeof Compute>, ...[pixels, labels, weights, compiling]: Parameters<typeof evaluate>) {
      return evaluate.call(this, pixels, labels, weights, watched(compiling));
    },
  });
}

/** Messages of steps from which on it is known how long a step takes. */
const FROM_STEP = 4;
const MESSAGES = new Set<KindFacts["act"]>(["drop", "twice", "late", "swap"]);

function watchCoordinator(): void {
  const { prototype } = zeromq.Router;
  const { receive, send } = prototype;
  /** Of each socket: over TCP another one answers who may come in. */
  const wires = new WeakMap<Router, Wire>();
  const wireOf = (socket: Router) => {
    const wire = wires.get(socket) ?? new Wire(injection.seconds * 1000);
    wires.set(socket, wire);
    return wire;
  };
  const counts = (decoded: ReturnType<typeof decodeToCoordinator> | ReturnType<typeof decodeToWorker>) =>
    decoded.ok &&
    WORK.has(decoded.message.type) &&
    (facts.late !== true || !("step" in decoded.message) || Number(decoded.message.step) >= FROM_STEP);
  const fate = (point: "message" | "sent", what: string): KindFacts["act"] | null => {
    if (!happens(point, what)) return null;
    if (MESSAGES.has(facts.act)) return facts.act;
    act();
    return null;
  };
  const watched: Pick<Router, "receive" | "send"> = {
    receive(this: Router) {
      return wireOf(this).receive(
        () => receive.call(this) as Promise<Buffer[]>,
        (parts) => {
          const decoded = decodeToCoordinator(parts.slice(1));
          return counts(decoded) ? fate("message", `as ${decoded.ok ? decoded.message.type : ""} came`) : null;
        },
      );
    },
    send(this: Router, message, ...rest) {
      const decoded = decodeToWorker((message as Uint8Array[]).slice(1));
      const drawn = counts(decoded) ? fate("sent", `as it sent ${decoded.ok ? decoded.message.type : ""}`) : null;
      return wireOf(this).send(() => send.call(this, message, ...rest), drawn);
    },
  };
  define(prototype, watched);
}

/** Writes of checkpoints: here, and in the thread that has them. */
function watchWrites(): void {
  const refuse = () => {
    if (happens("write", "as it wrote a checkpoint") && facts.act !== "full") act();
    if (facts.act === "full" && Date.now() < untilMs)
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  };
  const isCheckpoint = (file: number) => fs.readlinkSync(`/proc/self/fd/${file}`).includes("/checkpoints/");
  fs.writeSync = ((file: number, ...given: [Uint8Array]) => {
    if (isCheckpoint(file)) refuse();
    return writeSync(file, ...given);
  }) as typeof fs.writeSync;
  const { fsyncSync } = fs;
  fs.fsyncSync = (file) => {
    if (isCheckpoint(file)) refuse();
    fsyncSync(file);
  };
  syncBuiltinESMExports();
}

/** A thread counts for itself: what it writes are the checkpoints. */
function watchThreads(): void {
  const { Worker } = threads;
  threads.Worker = class extends Worker {
    constructor(module: URL, options: ConstructorParameters<typeof Worker>[1]) {
      super(module, { ...options, execArgv: ["--import", import.meta.url] });
    }
  };
  syncBuiltinESMExports();
}

if (here && facts.point === "write") {
  watchWrites();
  if (isMainThread) watchThreads();
} else if (here && isMainThread) {
  if (isWorker) {
    watchWorker();
    if (["input", "compile", "compute"].includes(facts.point)) await watchWork();
  } else watchCoordinator();
}
