/** The writer of checkpoints is killed at any moment of one, again and again in one folder: a valid one always loads. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CheckpointStore } from "../../src/checkpoint/store.js";
import { messageOf } from "../../src/errors.js";
import { deriveKey, uniforms } from "../../src/random.js";
import { TAP_VARIABLE, type TapReport, type TapSettings } from "../kills/moment.js";
import { LAYOUTS, snapshotAt, textOf } from "./contents.js";

const WRITER = fileURLToPath(new URL("writer.js", import.meta.url));
const TAP = fileURLToPath(new URL("../kills/tap.js", import.meta.url));
/** Steps, each saved twice, among whose moments one is drawn: the third and fourth replace and remove older ones. */
const STEPS = 4;
/** One kill of so many comes by the clock, at no call of ours. */
const BY_TIME = 4;

export interface Kills {
  problems: string[];
  /** How often each kind of moment was hit: "in a write to weights.safetensors". */
  moments: Map<string, number>;
}

export async function killWriters(dir: string, { count, seed }: { count: number; seed: number }): Promise<Kills> {
  mkdirSync(join(dir, "count"), { recursive: true });
  const startedMs = performance.now();
  const whole = await write(join(dir, "count"), join(dir, "report.json"), null, null);
  const wholeMs = performance.now() - startedMs;
  if (whole.report === null || whole.report.files < 20 * STEPS) throw new Error("the tap is blind");
  const kills: Kills = { problems: [], moments: new Map() };
  let folder = 0;
  for (let number = 0, killed = 0; killed < count; number++) {
    const [kind = 0, at = 0, cut = 0] = uniforms(deriveKey(seed, "writer", number), 3);
    const run = join(dir, `run-${folder}`);
    mkdirSync(run, { recursive: true });
    const byTime = kind < 1 / BY_TIME;
    const moment = { kind: "file", at: 1 + Math.floor(at * whole.report.files) } as const;
    const before = await newest(run);
    const written = await write(
      run,
      join(dir, "report.json"),
      byTime ? null : { moment, cut },
      byTime ? at * wholeMs : null,
    );
    if (written.killed === null) continue; // it was over before its moment
    killed++;
    kills.moments.set(written.killed, (kills.moments.get(written.killed) ?? 0) + 1);
    const wrong = await look(run, written.said ?? before);
    kills.problems.push(...wrong.map((what) => `kill ${number}, ${written.killed}: ${what}`));
    if (wrong.length > 0) folder++; // the next one begins anew
  }
  return kills;
}

interface Written {
  /** The last that it said was on disk; null: none. */
  said: Moment | null;
  killed: string | null;
  report: TapReport | null;
}

interface Moment {
  step: number;
  evaluated: boolean;
}

async function write(
  run: string,
  report: string,
  tap: { moment: TapSettings["moment"]; cut: number } | null,
  afterMs: number | null,
): Promise<Written> {
  rmSync(report, { force: true });
  const settings: TapSettings = { moment: null, victim: "coordinator", report, ...tap };
  const child = spawn(process.execPath, ["--import", TAP, WRITER, run, `${STEPS}`], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, [TAP_VARIABLE]: JSON.stringify(settings) },
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const timer = afterMs === null ? null : setTimeout(() => child.kill("SIGKILL"), afterMs);
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  if (timer) clearTimeout(timer);
  if (signal === null && code !== 0) throw new Error(`the writer ended with ${code}`);
  const told = existsSync(report) ? (JSON.parse(readFileSync(report, "utf8")) as TapReport) : null;
  const last = said.trimEnd().split("\n").at(-1)!;
  const [step, evaluated] = last.split(" ");
  return {
    said: /^\d/.test(last) ? { step: Number(step), evaluated: evaluated === "true" } : null,
    killed:
      signal === null
        ? null
        : (told?.killed?.when.replace(/^\S+ |step-\d+/g, "").replace(/^.*?(before|in a)/, "$1") ?? "by the clock"),
    report: told,
  };
}

async function newest(run: string): Promise<Moment | null> {
  const store = new CheckpointStore(run, 2);
  return (await store.isEmpty()) ? null : (await store.loadNewest()).snapshot;
}

/** What is wrong with what a killed writer left, which had said so much. */
async function look(run: string, said: Moment | null): Promise<string[]> {
  const store = new CheckpointStore(run, 2);
  if (said === null && (await store.isEmpty())) return [];
  const wrong: string[] = [];
  try {
    const { snapshot, passedOver } = await store.loadNewest();
    const { step, evaluated } = snapshot;
    if (textOf(snapshot) !== textOf(snapshotAt(step, evaluated, LAYOUTS.large)))
      wrong.push(`step ${step} has wrong contents`);
    if (passedOver.length > 0) wrong.push(`passed over: ${passedOver.map(({ reason }) => reason)}`);
    const older = said && (step < said.step || (step === said.step && said.evaluated && !evaluated));
    if (older) wrong.push(`step ${step} was loaded, and ${said.step} ${said.evaluated} was said to be on disk`);
    await store.sweep();
    const again = (await store.loadNewest()).snapshot;
    if (again.step !== step || again.evaluated !== evaluated) wrong.push("another one is the newest once it is swept");
    const left = readdirSync(join(run, "checkpoints")).filter((name) => !/^step-\d{8}$/.test(name));
    if (left.length > 0) wrong.push(`left: ${left}`);
  } catch (error) {
    wrong.push(`nothing loads: ${messageOf(error)}`);
  }
  return wrong;
}
