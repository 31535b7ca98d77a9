/** A training over TCP, and strangers at its addresses: what it costs the training, and what is counted. */
import { execFile } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { curveKeyPair } from "zeromq";
import type { StepEvent } from "../../src/events.js";
import { createKeys, readCoordinatorKey, readWorkerKey, revokeKey } from "../../src/transport/key-folder.js";
import { type Started, start } from "../support/cli.js";
import { freePort } from "../support/ports.js";
import { type Attack, type AttackKind, MESSAGES_A_KEY } from "./kinds.js";

const RECIPE = "--model lenet5 --dataset synthetic --dataset-option train=2048 --batch-size 64 --steps 1000000";
export type Counts = Readonly<Record<AttackKind, number>>;

export interface Watched {
  what: string;
  seconds: number;
  steps: number;
  /** Milliseconds of a step in which no worker computed: the median, and the longest. */
  outside: { median: number; longest: number };
  /** Of the coordinator, the most in this time. */
  rssBytes: number;
}

export interface Figures {
  calm: Watched;
  attacked: Watched[];
  /** `reason` to count, of both counters. */
  rejected: Record<string, number>;
  exitCode: number | null;
  stderr: string;
}

/** `calmMs`: for which the training is left alone, before and between. */
export async function strangers(
  dir: string,
  { counts, calmMs, idleMs, seed }: { counts: Counts; calmMs: number; idleMs: number; seed: number },
  print: (line: string) => void,
): Promise<Figures> {
  const keys = join(dir, "keys");
  createKeys(keys, "worker");
  createKeys(keys, "gone");
  const revoked = readWorkerKey(join(keys, "gone.key"));
  revokeKey(keys, "gone");
  const allowed = Array.from({ length: Math.max(1, Math.ceil(counts.frames / MESSAGES_A_KEY)) }, () => {
    const { publicKey, secretKey } = curveKeyPair();
    return { public: publicKey, secret: secretKey };
  });
  appendFileSync(join(keys, "allowed"), allowed.map((key, index) => `${key.public} stranger-${index}\n`).join(""));
  const [wirePort, httpPort] = [await freePort(), await freePort()];
  const endpoint = `tcp://127.0.0.1:${wirePort}`;
  const coordinator = start(
    `coordinator --bind ${endpoint} --keys ${keys} --gpus 1 ${RECIPE} --run-dir run --metrics-port ${httpPort} --json`.split(
      " ",
    ),
    { cwd: dir },
  );
  const worker = start(`worker --connect ${endpoint} --device cpu --keys ${keys}`.split(" "), { cwd: dir });
  const attack: Omit<Attack, "count"> = {
    host: "127.0.0.1",
    wirePort,
    httpPort,
    idleMs,
    seed,
    coordinator: readCoordinatorKey(keys).public,
    allowed,
    revoked,
  };
  try {
    await coordinator.said('"step":200,');
    const watch = (what: string, act: () => Promise<unknown>) => watched(what, coordinator, act);
    const calm = await watch("nobody", () => sleep(calmMs));
    const attacked: Watched[] = [];
    for (const kind of ["frames", "handshakes", "idle"] as const) {
      if (counts[kind] === 0) continue;
      attacked.push(
        await watch(`${counts[kind]} ${kind}`, async () => {
          print(`${kind}: ${await play(kind, { ...attack, count: counts[kind] }, join(dir, `${kind}.json`))}`);
        }),
      );
      await sleep(calmMs);
    }
    await untilScraped(httpPort);
    const rejected = rejectedOf(await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text());
    coordinator.child.kill("SIGTERM");
    const { code, stderr } = await coordinator.ended;
    await worker.ended;
    return { calm, attacked, rejected, exitCode: code, stderr };
  } finally {
    coordinator.child.kill("SIGKILL");
    worker.child.kill("SIGKILL");
  }
}

/** Connections that stood idle are thrown out within their time; until then the HTTP server may have no place. */
async function untilScraped(port: number): Promise<void> {
  for (;;) {
    if (
      await fetch(`http://127.0.0.1:${port}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return;
    await sleep(500);
  }
}

async function play(kind: AttackKind, attack: Attack, file: string): Promise<string> {
  writeFileSync(file, JSON.stringify(attack));
  const script = fileURLToPath(new URL("attack.js", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, kind, file]);
  return stdout.trim();
}

async function watched(what: string, { child, output, ended }: Started, act: () => Promise<unknown>): Promise<Watched> {
  const from = output.stdout.length;
  const startMs = performance.now();
  let rssBytes = 0;
  const look = setInterval(() => {
    rssBytes = Math.max(rssBytes, rssOf(child.pid!));
  }, 100);
  const died = ended.then(({ code, stderr }) => {
    throw new Error(`the coordinator ended with ${code ?? child.signalCode} while ${what} came:\n${stderr}`);
  });
  try {
    await Promise.race([act(), died]);
  } finally {
    clearInterval(look);
  }
  const seconds = (performance.now() - startMs) / 1000;
  const lines = output.stdout.slice(from).split("\n").slice(1, -1);
  const outside = lines
    .filter((line) => line.startsWith('{"event":"step"'))
    .map((line) => outsideOf(JSON.parse(line) as StepEvent))
    .sort((a, b) => a - b);
  return {
    what,
    seconds,
    steps: outside.length,
    outside: { median: outside[outside.length >> 1] ?? Number.NaN, longest: outside.at(-1) ?? Number.NaN },
    rssBytes,
  };
}

function outsideOf({ duration_seconds, worker_seconds }: StepEvent): number {
  return 1000 * (duration_seconds - Math.max(...Object.values(worker_seconds)));
}

/** 0 for a process that has ended: it has no line of memory any more, or no file at all. */
function rssOf(pid: number): number {
  const file = `/proc/${pid}/status`;
  return existsSync(file) ? Number(/VmRSS:\s+(\d+)/.exec(readFileSync(file, "utf8"))?.[1] ?? 0) * 1024 : 0;
}

function rejectedOf(text: string): Record<string, number> {
  const found = text.matchAll(/^cnn_dist_(wire|http)_rejected_total\{reason="([^"]+)"\} (\d+)$/gm);
  return Object.fromEntries([...found].map(([, where, reason, count]) => [`${where} ${reason}`, Number(count)]));
}
