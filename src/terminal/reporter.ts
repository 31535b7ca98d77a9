/** Writes a run to the terminal: a live region where there is one, plain lines where there is none, JSON where asked. */
import type { Writable } from "node:stream";
import pc from "picocolors";
import type { RunEvent } from "../events.js";
import { bar, bytes } from "./format.js";
import { planLines } from "./plan.js";
import { advance, liveLines, NO_PROGRESS, type Progress, progressLine, sentence, summaryLines } from "./progress.js";

type Stream = Writable & { isTTY?: boolean; columns?: number };

export interface ReporterOptions {
  io: { stdout: Stream; stderr: Stream; env: NodeJS.ProcessEnv };
  json: boolean;
  quiet: boolean;
  version: string;
}

export interface Reporter {
  greet(model: string, dataset: string): void;
  event(event: RunEvent): void;
  progress(progress: { what: string; received: number; total: number | null }): void;
  /** A message for the person, now. */
  note(text: string): void;
  close(): void;
}

const REDRAW_MS = 100;
/** Without a terminal: a line this often. */
const PLAIN_MS = 5000;
/** Shown by `--json`; the rest is in metrics.jsonl. */
const JSON_EVENTS: ReadonlySet<RunEvent["event"]> = new Set([
  "plan",
  "step",
  "eval",
  "checkpoint",
  "worker",
  "done",
  "stopped",
]);

export function createReporter({ io, json, quiet, version }: ReporterOptions): Reporter {
  const color = pc.createColors(Boolean(io.stderr.isTTY) && !io.env.NO_COLOR);
  const talk = !json && !quiet;
  const live = talk && io.stderr.isTTY ? new LiveRegion(io.stderr) : null;
  let progress: Progress = NO_PROGRESS;
  let lastPlain = 0;

  const say = (line: string) => {
    if (live) live.above(line);
    else io.stderr.write(`${line}\n`);
  };
  const redraw = () => live?.draw((width) => liveLines(progress, width));

  return {
    greet(model, dataset) {
      if (talk) say(`${color.bold(`cnn-dist ${version}`)} · ${model} on ${dataset}`);
    },

    event(event) {
      if (json && JSON_EVENTS.has(event.event)) io.stdout.write(`${JSON.stringify(event)}\n`);
      progress = advance(progress, event);
      if (event.event === "plan") {
        if (talk) for (const [label, text] of planLines(event)) say(`  ${color.dim(label.padEnd(10))}${text}`);
        if (event.dataset.warning !== undefined) say(`  ${color.yellow("warning")}   ${event.dataset.warning}`);
        for (const warning of event.warnings) say(`  ${color.yellow("warning")}   ${warning}`);
      }
      if (event.event === "done" || event.event === "stopped") {
        live?.clear();
        if (!json) io.stdout.write(`${summaryLines(event).join("\n")}\n`);
        return;
      }
      const lost = event.event === "worker" && (event.state === "lost" || event.state === "refused");
      const text = sentence(event);
      if (text !== null && (talk || lost)) say(`  ${lost ? color.yellow(text) : text}`);
      if (!talk) return;
      if (live) redraw();
      else if (event.event === "step" && (event.step === 1 || Date.now() - lastPlain > PLAIN_MS)) {
        lastPlain = Date.now();
        say(progressLine(progress, 0));
      } else if (event.event === "worker" && (event.state === "ready" || event.state === "starting")) {
        say(`  rank ${event.rank} (${event.device}) is ${event.state}`);
      }
    },

    progress({ what, received, total }) {
      if (quiet) return;
      const share = total === null ? "" : ` ${bar(received / total, 20)} ${Math.floor((100 * received) / total)}%`;
      const line = `  ${what}${share}${received > 0 ? ` ${bytes(received)}${total === null ? "" : ` of ${bytes(total)}`}` : ""}`;
      if (live) live.draw(() => [line]);
      else if (received === 0 || Date.now() - lastPlain > PLAIN_MS) {
        lastPlain = Date.now();
        say(line);
      }
    },

    note(text) {
      say(text);
    },

    close() {
      live?.clear();
    },
  };
}

/** Lines at the bottom of a terminal that are drawn over, at most every 100 ms. */
class LiveRegion {
  readonly #stream: Stream;
  #shown: string[] = [];
  #render: ((width: number) => string[]) | null = null;
  #timer: NodeJS.Timeout | null = null;
  #lastMs = 0;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  draw(render: (width: number) => string[]): void {
    this.#render = render;
    if (this.#timer) return;
    const wait = Math.max(0, this.#lastMs + REDRAW_MS - Date.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#paint();
    }, wait);
  }

  /** Writes a line that stays, above the region. */
  above(line: string): void {
    this.#stream.write(`${this.#erase()}${line}\n`);
    this.#shown = [];
    if (this.#render) this.#paint();
  }

  clear(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#render = null;
    this.#stream.write(this.#erase());
    this.#shown = [];
  }

  #paint(): void {
    if (!this.#render) return;
    this.#lastMs = Date.now();
    const lines = this.#render((this.#stream.columns ?? 80) - 1);
    this.#stream.write(`${this.#erase()}${lines.map((line) => `${line}\n`).join("")}`);
    this.#shown = lines;
  }

  /** Rows are counted anew, since the terminal may have become narrower and wrapped what was drawn. */
  #erase(): string {
    const width = this.#stream.columns ?? 80;
    const rows = this.#shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / width)), 0);
    return rows === 0 ? "" : `\u001b[${rows}A\u001b[J`;
  }
}
