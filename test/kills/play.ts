/** One trial: a run, a kill, the next start, and what is left. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { fixturePath } from "../support/fixtures.js";
import { type CliRun, cli } from "../support/runs.js";
import type { Scene, Trial } from "./draw.js";
import { type Moment, TAP_VARIABLE, type TapReport, type TapSettings, type Totals, type Victim } from "./moment.js";
import { markedBy, nameOf, pick } from "./processes.js";

const TAP = fileURLToPath(new URL("tap.js", import.meta.url));
/** In the environment of every process of a trial; its value is the trial's folder. */
const MARK = "CNN_DIST_KILLS";
/** Exit code of a start that is refused. */
const USAGE = 2;
/** A start of some seconds that takes longer than this hangs. */
const HANGS_MS = 120_000;

/** Six steps in two epochs: evaluations, checkpoints that replace others, old ones that go. */
const RECIPE = [
  ..."--dataset synthetic --batch-size 16 --shards 2 --epochs 2 --optimizer adam --seed 7".split(" "),
  ...["height=12", "width=12", "channels=1", "train=40", "test=8"].flatMap((each) => ["--dataset-option", each]),
];
const PLACEMENT = "--device cpu --checkpoint-every-steps 2 --keep-checkpoints 1 --json".split(" ");
const OF_SCENE: Record<Scene, string[]> = {
  "shared memory": ["--model", "lenet5", "--exchange", "shared-memory"],
  frames: ["--model", "lenet5", "--exchange", "frames"],
  "own model": ["--model", fixturePath("models/own.mjs")],
};

export interface Undisturbed {
  weights: string;
  totals: Totals;
}

export interface Row {
  killed: string;
  followed: string;
  problems: string[];
}

/** What runs in a folder of a trial's own. */
class Stage {
  readonly runDir: string;
  readonly #dir: string;
  readonly #scene: Scene;
  readonly #report: string;

  constructor(dir: string, scene: Scene) {
    this.#dir = dir;
    this.#scene = scene;
    this.runDir = join(dir, "run");
    this.#report = join(dir, "report.json");
    for (const name of ["rt", "tmp", "state"]) mkdirSync(join(dir, name), { recursive: true, mode: 0o700 });
  }

  /** With the tap in the coordinator, which is told when to kill whom. */
  begin(moment: Moment | null, victim: Victim): Promise<CliRun> {
    return this.#start(this.#launch(2), { moment, victim });
  }

  /** The next start, with one worker: that it was two before makes no difference. */
  next(way: "resume" | "launch", moment: Moment | null): Promise<CliRun> {
    const resume = ["resume", this.runDir, "--trust-model", "--gpus", "1", ...PLACEMENT];
    return this.#start(way === "resume" ? resume : this.#launch(1), { moment, victim: "coordinator" });
  }

  /** What the tap of the newest start saw. */
  report(): TapReport | null {
    return existsSync(this.#report) ? (JSON.parse(readFileSync(this.#report, "utf8")) as TapReport) : null;
  }

  processes(): number[] {
    return markedBy(MARK, this.#dir);
  }

  /** What the trial's processes left that nobody needs, or damaged. */
  leftovers(): string[] {
    const found = (place: string, names: readonly string[]) => names.map((name) => `${place}: ${name}`);
    const in_ = (...names: string[]) => readdirSync(join(this.#dir, ...names));
    const belongs = /^(recipe\.json|page\.json|metrics\.jsonl|replay\.jsonl|logs|checkpoints)$/;
    return [
      ...found(
        "process",
        this.processes().map((pid) => `${pid} ${nameOf(pid)}`),
      ),
      ...found("runtime folder", in_("rt")),
      ...found("temporary folder", in_("tmp")),
      ...found(
        "run's folder",
        in_("run").filter((name) => !belongs.test(name)),
      ),
      ...found(
        "checkpoints",
        in_("run", "checkpoints").filter((name) => !/^step-\d{8}$/.test(name)),
      ),
      ...["metrics.jsonl", "replay.jsonl"].flatMap((name) => this.#damagedLines(name)),
    ];
  }

  #damagedLines(name: string): string[] {
    const path = join(this.runDir, name);
    const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
    return lines
      .filter((line) => line !== "" && !/^\{.*\}$/.test(line))
      .map((line) => `damaged line of ${name}: ${line.slice(0, 80)}`);
  }

  end(): void {
    for (const pid of this.processes()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {} // it ended meanwhile
    }
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #launch(workers: number): string[] {
    return [
      "launch",
      ...OF_SCENE[this.#scene],
      ...RECIPE,
      ...PLACEMENT,
      "--gpus",
      `${workers}`,
      "--run-dir",
      this.runDir,
    ];
  }

  #start(words: string[], told: Pick<TapSettings, "moment" | "victim">): Promise<CliRun> {
    const at = (name: string) => join(this.#dir, name);
    rmSync(this.#report, { force: true });
    return cli(words, {
      nodeOptions: ["--import", TAP],
      env: {
        [MARK]: this.#dir,
        [TAP_VARIABLE]: JSON.stringify({ ...told, report: this.#report } satisfies TapSettings),
        XDG_RUNTIME_DIR: at("rt"),
        TMPDIR: at("tmp"),
        XDG_STATE_HOME: at("state"),
      },
    });
  }
}

/** Of a run that nobody disturbs: what it ends in, and how many moments it has. */
export async function undisturbed(dir: string, scene: Scene): Promise<Undisturbed> {
  const stage = new Stage(dir, scene);
  try {
    const startedMs = performance.now();
    const run = await stage.begin(null, "coordinator");
    const outcome = await outcomeOf(run);
    const time = performance.now() - startedMs;
    const report = stage.report();
    if (outcome.weights === null || report === null) throw new Error(`the undisturbed run failed:\n${run.stderr()}`);
    const left = stage.leftovers();
    if (left.length > 0) throw new Error(`the undisturbed run left ${left.join(", ")}`);
    if (report.files < 10 || report.messages < 10) throw new Error(`the tap is blind: ${JSON.stringify(report)}`);
    return { weights: outcome.weights, totals: { file: report.files, message: report.messages, time } };
  } finally {
    stage.end();
  }
}

/** Null where the run was over before its moment came. */
export async function play(dir: string, trial: Trial, expected: string): Promise<Row | null> {
  const stage = new Stage(dir, trial.scene);
  try {
    const { moment, victim } = trial;
    const run = await stage.begin(moment.kind === "time" ? null : moment, victim);
    const timed = moment.kind === "time" ? await killAfter(moment.at, victim, run, stage) : null;
    const first = await outcomeOf(run);
    const killed = timed ?? stage.report()?.killed?.when ?? null;
    if (killed === null) return null;
    const row: Row = { killed, followed: first.text, problems: [] };
    // A worker is started again, within the run.
    if (killed.startsWith("worker") && first.weights === null) row.problems.push("a worker's death ended the run");
    const last = first.weights === null ? await goOn(stage, trial, row) : first;
    if (last.weights !== null && last.weights !== expected) row.problems.push(`other weights: ${last.weights}`);
    if (existsSync(stage.runDir)) row.problems.push(...stage.leftovers());
    return row;
  } finally {
    stage.end();
  }
}

/** Starts again until a start is neither refused nor killed. What happened is added to the row. */
async function goOn(stage: Stage, { next, again }: Trial, row: Row): Promise<Outcome> {
  let [way, moment, refused] = [next, again, false];
  for (;;) {
    const run = await stage.next(way, moment);
    const outcome = await outcomeOf(run);
    row.followed += `, ${way} ${outcome.text}`;
    const killed = stage.report()?.killed ?? null;
    if (killed !== null) {
      row.followed += ` (${killed.when})`;
      moment = null;
      refused = false;
    } else if (outcome.code === USAGE && !refused) {
      refused = true;
      way = way === "resume" ? "launch" : "resume";
    } else {
      if (outcome.weights === null)
        row.problems.push(`${way} failed: ${run.stderr().trim().split("\n").slice(-5).join(" / ")}`);
      return outcome;
    }
  }
}

/** What was killed, and after which event; null where the run is over. */
async function killAfter(ms: number, victim: Victim, run: CliRun, stage: Stage): Promise<string | null> {
  const over = await Promise.race([sleep(ms, false), run.ended.then(() => true)]);
  if (over) return null;
  const others = stage.processes().filter((pid) => pid !== run.child.pid);
  const pid = victim === "coordinator" ? run.child.pid! : (pick(others, victim.share) ?? run.child.pid!);
  const last = run.events.at(-1);
  const name = nameOf(pid);
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    return null; // it ended in this moment
  }
  const phase =
    last === undefined
      ? "before the plan"
      : `after ${last.event}${"state" in last ? ` ${last.state}` : ""}${"step" in last ? ` ${last.step}` : ""}`;
  return `${name} ${Math.round(ms)} ms from the start, ${phase}`;
}

interface Outcome {
  code: number | null;
  weights: string | null;
  text: string;
}

async function outcomeOf(run: CliRun): Promise<Outcome> {
  const hanging = new AbortController();
  void sleep(HANGS_MS, null, { signal: hanging.signal }).then(
    () => run.child.kill("SIGKILL"),
    () => {},
  );
  const { code, signal } = await run.ended;
  hanging.abort();
  const last = run.events.at(-1);
  const weights = code === 0 && last?.event === "done" ? last.weights_sha256 : null;
  const lost = run.events.filter((event) => event.event === "worker" && event.state === "lost").length;
  const text = signal ?? (code === 0 ? `done${lost > 0 ? ` with ${lost} lost` : ""}` : `exit ${code}`);
  return { code, weights, text };
}
