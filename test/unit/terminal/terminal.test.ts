import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import type { RunEvent } from "../../../src/events.js";
import { bytes, percent, plural } from "../../../src/format.js";
import { duration, fit, wrap } from "../../../src/terminal/format.js";
import { LiveRegion } from "../../../src/terminal/live-region.js";
import {
  advance,
  liveLines,
  NO_PROGRESS,
  progressLine,
  sentence,
  summaryLines,
} from "../../../src/terminal/progress.js";
import { createReporter } from "../../../src/terminal/reporter.js";
import { DONE, PLAN, STEP, worker } from "../../support/run-events.js";

test("numbers are written as people read them", () => {
  assert.deepEqual([0.44, 12, 185, 7385].map(duration), ["0.4 s", "12 s", "3:05", "2:03:05"]);
  assert.deepEqual([1_500, 2_500_000, 25_000_000, 1_200_000_000].map(bytes), ["2 kB", "2.5 MB", "25 MB", "1.2 GB"]);
  assert.equal(bytes(999), "999 B");
  assert.deepEqual(
    [0, 1, 2, 1234].map((steps) => plural(steps, "step")),
    ["0 steps", "1 step", "2 steps", "1,234 steps"],
  );
  assert.equal(plural(1, "loss", "losses"), "1 loss");
  assert.equal(percent(0.12345), "12.35%");
  assert.equal(fit("abcdef", 4), "abc…");
});

test("wrapping loses nothing, and no line of several words is too long", () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 }),
      fc.integer({ min: 1, max: 30 }),
      (words, width) => {
        const lines = wrap(words.join(" "), width);
        assert.equal(lines.join(" "), words.join(" "));
        for (const line of lines) assert.ok(line.length <= width || !line.includes(" "));
      },
    ),
  );
});

test("the bar knows how far, how fast and how long", () => {
  const progress = [PLAN, worker(1, "working"), worker(0, "working"), STEP].reduce(advance, NO_PROGRESS);
  assert.equal(
    progressLine(progress),
    "  50% · step 500/1,000 · ETA 4:10 · loss 1.2346 · accuracy 0.500 · 200 images/s",
  );
  assert.deepEqual(liveLines(progress, 50), [
    "  rank 0  cpu  working  400 ms a step",
    "  rank 1  cpu  working",
    "  █████░░░░░ 50% · step 500/1,000 · ETA 4:10",
    "  loss 1.2346 · accuracy 0.500 · 200 images/s",
  ]);
  assert.match(progressLine([PLAN].reduce(advance, NO_PROGRESS)), /40% · step 400\/1,000 · waiting for the workers/);
  for (const width of [20, 50, 79]) for (const each of liveLines(progress, width)) assert.ok(each.length <= width);
});

test("losses and warnings get a sentence, everyday events none", () => {
  assert.match(sentence(worker(2, "lost", "no sign of life")) ?? "", /rank 2 is lost: no sign of life/);
  assert.equal(sentence({ event: "log", level: "warn", message: "low memory" }), "low memory");
  assert.equal(sentence(worker(2, "working")), null);
  assert.equal(sentence(STEP), null);
  const file = "pictures/step-00000012/filters.png";
  const pictures = [{ what: "filters", file, title: "", width: 1, height: 1 }] as const;
  const drawn = { event: "pictures", step: 12, epoch: 0, best: true, pictures, duration_seconds: 1 } as const;
  assert.equal(sentence(drawn), "step 12 drawn: pictures/step-00000012/");
  assert.equal(sentence({ ...drawn, pictures: [] }), null);
});

test("the closing summary has accuracy, checkpoint and the way on", () => {
  const text = summaryLines(DONE).join("\n");
  assert.match(text, /^stopped after step 500, 1:01, 200 images\/s\n/);
  assert.match(text, /accuracy {4}0\.8000 on the test set \(best 0\.9000\)/);
  assert.match(text, /resume {6}cnn-dist resume \/runs\/one$/);
  assert.match(summaryLines({ ...DONE, checkpoint: null }).join("\n"), /none: nothing was trained yet/);
  const slow = "2 workers are 1.1 times as fast";
  assert.match(summaryLines({ ...DONE, held_back: slow }).join("\n"), /\nspeed {7}2 workers are 1\.1 times as fast\n/);
});

/** What a terminal of that width shows after these bytes; understands only what LiveRegion writes. */
class Screen {
  readonly rows: string[] = [""];
  readonly #width: number;
  constructor(width: number) {
    this.#width = width;
  }
  write(text: string): void {
    for (const [token] of text.replaceAll("\u001b", "^").matchAll(/\^\[\d*[AJ]|\n|[^^\n]/g)) {
      const up = /^\^\[(\d+)A$/.exec(token)?.[1];
      if (up !== undefined)
        this.rows.splice(Math.max(0, this.rows.length - 1 - Number(up)), Number.POSITIVE_INFINITY, "");
      else if (token === "\n") this.rows.push("");
      else if (token.length === 1) {
        if (this.rows.at(-1)!.length === this.#width) this.rows.push("");
        this.rows[this.rows.length - 1] += token;
      }
    }
  }
}

test("the live region is drawn over in place, under the lines that stay", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000 });
  const screen = new Screen(40);
  const stream = Object.assign(new PassThrough(), { columns: 40, rows: 4, isTTY: true });
  const show = () => {
    // A read gives all that was written until Node 25, one piece from Node 26 on.
    for (let piece = stream.read() as Buffer | null; piece; piece = stream.read() as Buffer | null)
      screen.write(piece.toString());
  };
  const region = new LiveRegion(stream);
  region.draw(() => ["one", "two"]);
  region.draw(() => ["one", "three"]);
  context.mock.timers.tick(0);
  show();
  assert.deepEqual(screen.rows, ["one", "three", ""]);
  region.draw(() => ["four"]);
  context.mock.timers.tick(99);
  show();
  assert.deepEqual(screen.rows, ["one", "three", ""], "not oftener than every 100 ms");
  context.mock.timers.tick(1);
  show();
  assert.deepEqual(screen.rows, ["four", ""]);
  region.above("stays");
  show();
  assert.deepEqual(screen.rows, ["stays", "four", ""]);
  region.draw(() => ["1", "2", "3", "4", "5"]);
  context.mock.timers.tick(100);
  show();
  assert.deepEqual(screen.rows, ["stays", "3", "4", "5", ""], "no more than the terminal is high");
  region.clear();
  show();
  assert.deepEqual(screen.rows, ["stays", ""]);
});

for (const mode of ["plain", "json", "quiet"] as const)
  test(`what goes where: ${mode}`, () => {
    const text = { stdout: "", stderr: "" };
    const stream = (name: "stdout" | "stderr") =>
      Object.assign(new PassThrough(), { isTTY: false }).on("data", (chunk: Buffer) => {
        text[name] += chunk.toString();
      });
    const reporter = createReporter({
      io: { stdout: stream("stdout"), stderr: stream("stderr"), env: {} },
      json: mode === "json",
      quiet: mode === "quiet",
      version: "1.2.3",
    });
    reporter.greet("vgg13");
    for (const event of [PLAN, worker(0, "working"), STEP, worker(0, "lost", "killed"), DONE]) reporter.event(event);
    reporter.close();
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      assert.match(text.stderr, /warning +mind the gap/);
      assert.match(text.stderr, /rank 0 is lost: killed/);
      assert.equal(/^cnn-dist 1\.2\.3 · vgg13\n/.test(text.stderr), mode === "plain");
      if (mode === "json")
        assert.deepEqual(
          text.stdout
            .trim()
            .split("\n")
            .map((line) => (JSON.parse(line) as RunEvent).event),
          ["plan", "worker", "step", "worker", "stopped"],
        );
      else assert.equal(text.stdout, `${summaryLines(DONE).join("\n")}\n`);
    });
  });

test("a sentence that stays breaks no word of a narrow terminal; without one it is a line", async () => {
  const shown = async (isTTY: boolean) => {
    const stderr = Object.assign(new PassThrough(), { columns: 40, rows: 20, isTTY });
    const io = { stdout: Object.assign(new PassThrough()), stderr, env: { NO_COLOR: "1" } };
    const reporter = createReporter({ io, json: false, quiet: false, version: "1" });
    reporter.event(worker(0, "lost", "its process was ended by SIGKILL, and it will be started again"));
    reporter.close();
    stderr.end();
    let text = "";
    for await (const piece of stderr) text += piece;
    return text;
  };
  const [wide, narrow] = [await shown(false), await shown(true)];
  assert.match(wide, /^ {2}rank 0 is lost: its process was .* again.*\n$/);
  const lines = narrow.split("\u001b")[0]!.trimEnd().split("\n");
  assert.ok(lines.length > 1 && lines.every((line) => line.length <= 40), narrow);
  assert.equal(lines.map((line) => line.trim()).join(" "), wide.trim());
});
