/** One trial: a run, an injection, whatever start must follow, and what came of it. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { WorkerEvent } from "../../src/events.js";
import { markedBy } from "../kills/processes.js";
import { pidsOf, waits } from "../restarts/waiting.js";
import { freeEndpoint } from "../support/ports.js";
import { type CliRun, cli } from "../support/runs.js";
import type { Injection, Scene } from "./draw.js";
import { factsOf } from "./kinds.js";
import { Relay } from "./relay.js";
import { type Injected, REPORT, TAP_VARIABLE, type TapSettings } from "./told.js";

const TAP = new URL("tap.js", import.meta.url).href;
/** In the environment of every process of a trial; its value is the trial's folder. */
const MARK = "CNN_DIST_CHAOS";
/** A run of some seconds that takes longer than this hangs. */
const HANGS_MS = 180_000;
const WORKERS = 2;

/** Forty steps in two epochs; each worker has two shards. */
const RECIPE = [
  ..."--model lenet5 --dataset synthetic --batch-size 16 --shards 4 --epochs 2 --optimizer adam --seed 7".split(" "),
  ...["height=12", "width=12", "channels=1", "train=320", "test=16"].flatMap((each) => ["--dataset-option", each]),
];
const PLACEMENT = "--checkpoint-every-steps 5 --keep-checkpoints 2 --json".split(" ");

export interface Row {
  what: string;
  followed: string;
  /** Seconds until it was noticed, and as what: the first loss, or the last worker that waits; null where neither was told. */
  detection: { seconds: number; as: NonNullable<WorkerEvent["reason"]> | "coordinator gone" } | null;
  problems: string[];
}

/** What runs in a folder of a trial's own. */
class Stage {
  readonly dir: string;
  readonly runDir: string;
  readonly #scene: Scene;
  readonly #injection: Injection | null;
  readonly #relays: Relay[] = [];
  readonly #workers: CliRun[] = [];
  /** The words of a coordinator over TCP. */
  #coordinator: string[] = [];

  constructor(dir: string, scene: Scene, injection: Injection | null) {
    this.dir = dir;
    this.runDir = join(dir, "run");
    this.#scene = scene;
    this.#injection = injection;
    for (const name of ["rt", "tmp", "state"]) mkdirSync(join(dir, name), { recursive: true, mode: 0o700 });
  }

  async begin(): Promise<CliRun> {
    const words = [...RECIPE, ...PLACEMENT, "--gpus", `${WORKERS}`, "--run-dir", this.runDir];
    if (this.#scene !== "tcp") {
      const exchange = this.#scene === "frames" ? "frames" : "shared-memory";
      return this.#start(["launch", "--device", "cpu", "--exchange", exchange, ...words]);
    }
    const endpoint = await freeEndpoint();
    this.#coordinator = ["coordinator", "--bind", endpoint, ...words, "--auto-resume"];
    const coordinator = await this.#start(this.#coordinator);
    for (let worker = 0; worker < WORKERS; worker++) {
      const relay = await Relay.open(Number(new URL(endpoint).port));
      this.#relays.push(relay);
      const waiting = ["--wait-coordinator", `${HANGS_MS / 1000}`];
      this.#workers.push(await this.#start(["worker", "--connect", relay.endpoint, "--device", "cpu", ...waiting]));
    }
    return coordinator;
  }

  /** The same coordinator once more, undisturbed. */
  startAgain(): Promise<CliRun> {
    return this.#start(this.#coordinator, { quiet: true });
  }

  /** Those that were started by hand. */
  get workers(): readonly CliRun[] {
    return this.#workers;
  }

  /** The next start, of local workers, undisturbed. */
  resume(): Promise<CliRun> {
    return this.#start(["resume", this.runDir, "--device", "cpu", "--gpus", `${WORKERS}`, ...PLACEMENT], {
      quiet: true,
    });
  }

  #start(words: string[], { quiet = false } = {}): Promise<CliRun> {
    const at = (name: string) => join(this.dir, name);
    const told = this.#injection && ({ injection: this.#injection, dir: this.dir } satisfies TapSettings);
    const env: NodeJS.ProcessEnv = {
      [MARK]: this.dir,
      XDG_RUNTIME_DIR: at("rt"),
      TMPDIR: at("tmp"),
      XDG_STATE_HOME: at("state"),
    };
    if (told && !quiet && factsOf(told.injection.kind).who !== "link") {
      env[TAP_VARIABLE] = JSON.stringify(told);
      env.NODE_OPTIONS = `--import ${TAP}`;
    }
    return cli(words, { env });
  }

  /** Does to the link of one worker what the injection says, after its n-th step. */
  async disturbLink(run: CliRun, { kind, at, seconds, number }: Injection): Promise<void> {
    await run.waitFor((event) => event.event === "step" && event.step >= at);
    const relay = this.#relays[number % this.#relays.length]!;
    const injected: Injected = { time: Date.now() / 1000, what: `after step ${at}, ${seconds.toFixed(1)} s` };
    writeFileSync(join(this.dir, REPORT), JSON.stringify(injected));
    if (factsOf(kind).act === "cut") relay.cut();
    else relay.hold();
    await sleep(seconds * 1000);
    relay.heal();
  }

  injected(): Injected | null {
    const path = join(this.dir, REPORT);
    return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Injected) : null;
  }

  /** Workers that were lost, with the time at which that was told. */
  lost(): (WorkerEvent & { time: number })[] {
    const path = join(this.runDir, "metrics.jsonl");
    if (!existsSync(path)) return [];
    const events = readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line.startsWith('{"event":"worker"') && line.endsWith("}"))
      .map((line) => JSON.parse(line) as WorkerEvent & { time: number });
    return events.filter(({ state }) => state === "lost");
  }

  /** Workers by hand leave when the run is over; one that stands still is a remote one that nobody can end. */
  end(): void {
    for (const relay of this.#relays) relay.close();
    for (const pid of markedBy(MARK, this.dir)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {} // it ended meanwhile
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** What a run ends in that nobody disturbs. */
export async function undisturbed(dir: string, scene: Scene): Promise<string> {
  const stage = new Stage(dir, scene, null);
  try {
    const run = await stage.begin();
    const { weights } = await outcomeOf(run);
    if (weights === null) throw new Error(`the undisturbed run failed:\n${run.stderr()}`);
    return weights;
  } finally {
    stage.end();
  }
}

/** Null where the run was over before its moment came. */
export async function play(dir: string, injection: Injection, expected: string): Promise<Row | null> {
  const facts = factsOf(injection.kind);
  const stage = new Stage(dir, injection.scene, injection);
  try {
    const run = await stage.begin();
    const waiting = facts.again ? whenAllWait(stage.workers) : null;
    const disturbing = facts.who === "link" ? stage.disturbLink(run, injection).catch(() => {}) : null;
    const first = await outcomeOf(run);
    await disturbing;
    const injected = stage.injected();
    if (injected === null) return null;
    const row: Row = { what: injected.what, followed: first.text, detection: null, problems: [] };
    let { weights } = first;
    if (weights === null && facts.who !== "coordinator") row.problems.push(`the run failed: ${lastWords(run)}`);
    if (weights === null && waiting) {
      weights = await goOn(stage, run, row);
      const noticed = await Promise.race([waiting, sleep(0, null)]);
      if (noticed !== null) row.detection = { seconds: noticed - injected.time, as: "coordinator gone" };
    } else if (weights === null) weights = await resumed(stage, row);
    const [loss] = stage.lost().filter(({ time }) => time >= injected.time);
    if (loss) row.detection = { seconds: loss.time - injected.time, as: loss.reason! };
    if (loss && !facts.lost.includes(loss.reason!))
      row.problems.push(`rank ${loss.rank} was lost: ${loss.reason}, ${loss.detail}`);
    if (weights !== null && weights !== expected) row.problems.push(`other weights: ${weights}`);
    return row;
  } finally {
    stage.end();
  }
}

/** Seconds of Unix time at which the last of the workers told that its coordinator is gone. */
async function whenAllWait(workers: readonly CliRun[]): Promise<number> {
  await Promise.all(workers.map((worker) => waits(worker, 1)));
  return Date.now() / 1000;
}

/** The weights after a resume. */
async function resumed(stage: Stage, row: Row): Promise<string | null> {
  const next = await stage.resume();
  const { weights, text } = await outcomeOf(next);
  row.followed += `, resume ${text}`;
  if (weights === null) row.problems.push(`resume failed: ${lastWords(next)}`);
  return weights;
}

/** The weights after another coordinator took the place of the one that was killed, with the processes of its workers. */
async function goOn(stage: Stage, killed: CliRun, row: Row): Promise<string | null> {
  const next = await stage.startAgain();
  const { weights, text } = await outcomeOf(next);
  row.followed += `, started again ${text}`;
  if (weights === null) row.problems.push(`the next coordinator failed: ${lastWords(next)}`);
  const ends = await Promise.all(stage.workers.map(outcomeOf));
  ends.forEach((end, worker) => {
    if (end.text !== "done") row.problems.push(`a worker: ${end.text}: ${lastWords(stage.workers[worker]!)}`);
  });
  const pids = new Set([killed, next].flatMap(pidsOf));
  if (pids.size !== WORKERS) row.problems.push(`${pids.size} processes of workers took part, not ${WORKERS}`);
  return weights;
}

const lastWords = (run: CliRun): string => run.stderr().trim().split("\n").slice(-5).join(" / ");

async function outcomeOf(run: CliRun): Promise<{ weights: string | null; text: string }> {
  const hanging = new AbortController();
  void sleep(HANGS_MS, null, { signal: hanging.signal }).then(
    () => run.child.kill("SIGKILL"),
    () => {},
  );
  const { code, signal } = await run.ended;
  hanging.abort();
  const last = run.events.at(-1);
  const weights = code === 0 && last?.event === "done" ? last.weights_sha256 : null;
  return { weights, text: signal ?? (code === 0 ? "done" : `exit ${code}`) };
}
