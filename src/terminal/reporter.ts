/** Writes a run to the terminal: a live region where there is one, plain lines where there is none, JSON where asked. */
import pc from "picocolors";
import type { HeldBack, RunEvent } from "../events.js";
import { bytes, count } from "../format.js";
import { bar, duration, fit, secondsLeft, wrap, wrapLabelled } from "./format.js";
import { LiveRegion, type TerminalStream } from "./live-region.js";
import { planLines } from "./plan.js";
import { advance, liveLines, NO_PROGRESS, type Progress, progressLine, sentence, summaryLines } from "./progress.js";

export interface ReporterOptions {
  io: { stdout: TerminalStream; stderr: TerminalStream; env: NodeJS.ProcessEnv };
  json: boolean;
  quiet: boolean;
  version: string;
}

export interface Reporter {
  greet(title: string): void;
  event(event: RunEvent): void;
  /** Of bytes, or of what `unit` names. */
  progress(progress: { what: string; received: number; total: number | null; unit?: string }): void;
  /** What holds the run back now. */
  heldBack(told: HeldBack): void;
  /** A message for the person, now. */
  note(text: string): void;
  /** The run's newest checkpoint, as far as events told; null: none. */
  checkpoint(): string | null;
  close(): void;
}

/** Lines of a lost worker's log that are shown; the event holds more. */
const LAST_WORDS = 3;
/** Without a terminal: a line this often. */
const PLAIN_MS = 5000;
const LABEL_WIDTH = 12;
/** Of the lines after a sentence's first. */
const SENTENCE_INDENT = 4;
/** Shown by `--json`; the rest is in metrics.jsonl. */
const JSON_EVENTS: ReadonlySet<RunEvent["event"]> = new Set([
  "plan",
  "step",
  "eval",
  "checkpoint",
  "pictures",
  "checkpoint-failed",
  "rollback",
  "slow",
  "backup",
  "worker",
  "node",
  "done",
  "stopped",
]);

export function createReporter({ io, json, quiet, version }: ReporterOptions): Reporter {
  const color = pc.createColors(Boolean(io.stderr.isTTY) && !io.env.NO_COLOR && io.env.TERM !== "dumb");
  const talk = !json && !quiet;
  const live = talk && io.stderr.isTTY && io.env.TERM !== "dumb" ? new LiveRegion(io.stderr) : null;
  let progress: Progress = NO_PROGRESS;
  let lastPlain = 0;
  let lastWhat = "";
  let begun = { what: "", ms: 0, received: 0 };
  let toldPhase: HeldBack["phase"] = null;
  let toldRank: number | null = null;
  let lastTold = 0;

  const say = (line: string) => {
    if (live) live.above(line);
    else io.stderr.write(`${line}\n`);
  };
  /** A label and its text, which keeps to its column when the terminal is narrow. */
  const labelled = (paint: (text: string) => string, label: string, text: string) => {
    const [first = "", ...rest] = live ? wrap(text, (io.stderr.columns ?? 80) - LABEL_WIDTH) : [text];
    say(`  ${paint(label.padEnd(LABEL_WIDTH - 2))}${first}`);
    for (const line of rest) say(`${" ".repeat(LABEL_WIDTH)}${line}`);
  };
  /** A sentence that stays; no word of it is broken where the terminal is narrow. */
  const tell = (text: string, paint = (line: string) => line) => {
    const lines = live ? wrap(text, (io.stderr.columns ?? 80) - SENTENCE_INDENT) : [text];
    for (const [at, line] of lines.entries()) say(`${" ".repeat(at === 0 ? 2 : SENTENCE_INDENT)}${paint(line)}`);
  };
  const redraw = () => live?.draw((width) => liveLines(progress, width));

  return {
    greet(title) {
      if (talk) say(`${color.bold(`cnn-dist ${version}`)} · ${title}`);
    },

    event(event) {
      if (json && JSON_EVENTS.has(event.event)) io.stdout.write(`${JSON.stringify(event)}\n`);
      progress = advance(progress, event);
      if (event.event === "plan") {
        if (talk) for (const [label, text] of planLines(event)) labelled(color.dim, label, text);
        const { warning } = event.dataset;
        for (const text of [...(warning === undefined ? [] : [warning]), ...event.warnings])
          labelled(color.yellow, "warning", text);
      }
      if (event.event === "done" || event.event === "stopped") {
        live?.clear();
        const width = io.stdout.isTTY ? (io.stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
        const summary = summaryLines(event).flatMap((line) => wrapLabelled(line, LABEL_WIDTH, width));
        if (!json) io.stdout.write(`${summary.join("\n")}\n`);
        if (io.stdout.errored && event.resume_command !== null) say(`Go on with: ${event.resume_command}`);
        return;
      }
      if (event.event === "checkpoint-failed" || (event.event === "log" && event.level === "warn"))
        return labelled(color.yellow, "warning", event.message);
      const lost =
        (event.event === "worker" || event.event === "node") && (event.state === "lost" || event.state === "refused");
      const text = sentence(event);
      if (text !== null && (talk || lost)) tell(text, lost ? color.yellow : undefined);
      for (const line of lastWords(event)) say(`    ${color.dim(line)}`);
      if (!talk) return;
      if (live) redraw();
      else if (event.event === "step" && (event.step === 1 || Date.now() - lastPlain > PLAIN_MS)) {
        lastPlain = Date.now();
        say(progressLine(progress));
      } else if (event.event === "worker" && (event.state === "ready" || event.state === "starting")) {
        say(`  rank ${event.rank} (${event.device}) is ${event.state}`);
      }
    },

    progress({ what, received, total, unit }) {
      if (quiet) return;
      const amount = (value: number) => (unit === undefined ? bytes(value) : count(value));
      const share = total === null ? "" : ` ${bar(received / total, 20)} ${Math.floor((100 * received) / total)}%`;
      if (begun.what !== what || received < begun.received) begun = { what, ms: Date.now(), received };
      const left = secondsLeft(begun, received, total, Date.now());
      const line = `  ${what}${share}${received > 0 ? ` ${amount(received)}${total === null ? "" : ` of ${amount(total)}`}${unit === undefined ? "" : ` ${unit}`}` : ""}${left === null ? "" : `, ${duration(left)} left`}`;
      if (live) live.draw((width) => [fit(line, width)]);
      else if (what !== lastWhat || Date.now() - lastPlain > PLAIN_MS) {
        lastWhat = what;
        lastPlain = Date.now();
        say(line);
      }
    },

    heldBack(told) {
      progress = { ...progress, heldBack: told };
      if (live) return redraw();
      // In lines that stay, only what is new is worth one.
      const same = told.phase === toldPhase && told.rank === toldRank;
      if (!talk || same || Date.now() - lastTold < PLAIN_MS) return;
      if (told.phase !== null || toldPhase !== null) say(`  ${told.text}`);
      toldPhase = told.phase;
      toldRank = told.rank;
      lastTold = Date.now();
    },

    note(text) {
      say(text);
    },

    checkpoint: () => progress.checkpoint,

    close() {
      live?.clear();
    },
  };
}

function lastWords(event: RunEvent): string[] {
  if (event.event !== "worker" || !event.log) return [];
  const lines = event.log.split("\n");
  return lines.slice(-LAST_WORDS).map((line, index) => `${index === 0 ? "its log ends in: " : "  "}${line}`);
}
