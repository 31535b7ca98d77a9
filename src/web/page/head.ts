/** The top of a run's page: what it is, how far it is, and what holds it back. */

import { count, percent, plural } from "../../format.js";
import { duration, rate } from "../../terminal/format.js";
import { bestOf, type RunState } from "../state/run-state.js";
import { h, setText, show } from "./dom.js";
import type { Connection } from "./follow.js";
import { basename } from "./paths.js";
import { short } from "./words.js";

export class HeadView {
  readonly element: HTMLElement;
  readonly #title = h("h1", {}, "cnn-dist");
  readonly #state = h("span", { class: "state", role: "status" }, "connecting");
  readonly #what = h("p", { class: "dim" });
  readonly #bar = h("progress", { max: 1, value: 0, "aria-label": "steps done" });
  readonly #figures = h("dl", { class: "figures" });
  readonly #held = h("p", { class: "held", id: "held-back" });
  readonly #notice = h("p", { class: "notice", hidden: true });
  #connection: Connection = "connecting";
  #why: string | null = null;
  #run: RunState | null = null;

  constructor() {
    this.element = h(
      "header",
      {},
      h("div", { class: "title" }, this.#title, this.#state),
      this.#what,
      this.#notice,
      this.#bar,
      this.#figures,
      this.#held,
    );
  }

  /** `why`: what was answered in place of events; null: nothing. */
  connection(now: Connection, why: string | null = null): void {
    this.#connection = now;
    this.#why = why;
    this.#showState();
  }

  show(state: RunState): void {
    this.#run = state;
    this.#showState();
    const { plan, last, tests } = state;
    if (plan === null) return;
    const step = last?.step ?? plan.start_step;
    const name = basename(plan.run_dir);
    setText(this.#title, name);
    const share = plan.steps > 0 ? step / plan.steps : 1;
    const title = `${Math.floor(100 * share)}% · ${name}`;
    if (document.title !== title) document.title = title;
    setText(this.#what, `${plan.model} on ${plan.dataset.name}, ${plural(plan.workers, "worker")}, ${plan.run_dir}`);
    this.#bar.value = share;
    const best = bestOf(tests);
    const newest = tests.at(-1);
    this.#showFigures([
      ["step", `${count(step)} of ${count(plan.steps)}`],
      ["epoch", last ? `${Math.floor((step - 1) / plan.steps_per_epoch) + 1} of ${plan.epochs}` : "none yet"],
      ["loss", last ? short(last.loss) : "none yet"],
      ["test accuracy", newest ? percent(newest.accuracy) : "none yet"],
      ["best", best ? `${percent(best.accuracy)}, step ${count(best.step)}` : "none yet"],
      ["speed", speedOf(state)],
      ["trained for", duration(state.seconds)],
      ["time left", timeLeft(state, step)],
    ]);
  }

  #showState(): void {
    const word = stateOf(this.#run, this.#connection);
    setText(this.#state, word);
    const shade = `state ${word.replace(" ", "-")}`;
    if (this.#state.className !== shade) this.#state.className = shade;
    const notice = noticeOf(word, this.#run, this.#why);
    setText(this.#notice, notice);
    show(this.#notice, notice !== "");
    const held = this.#run === null ? "" : heldBackOf(word, this.#run);
    setText(this.#held, held);
    show(this.#held, held !== "");
  }

  #showFigures(figures: readonly (readonly [string, string])[]): void {
    for (const [index, [label, value]] of figures.entries()) {
      const item = this.#figures.children[index] ?? this.#figures.appendChild(h("div", {}, h("dt"), h("dd")));
      setText(item.children[0]!, label);
      setText(item.children[1]!, value);
    }
  }
}

type Word = "connecting" | "new" | "starting" | "training" | "no answer" | "done" | "stopped" | "failed" | "killed";

function stateOf(run: RunState | null, connection: Connection): Word {
  if (run?.done) return run.done.event;
  if (run !== null && run.failure !== null) return "failed";
  if (connection === "lost") return "no answer";
  if (run === null) return "connecting";
  if (run.alive === false) return run.plan === null ? "new" : "killed";
  return run.last ? "training" : "starting";
}

/** What is to be said of a run that does not go on. */
function noticeOf(word: Word, run: RunState | null, why: string | null): string {
  if (word === "failed") return `It failed: ${run!.failure}`;
  if (word === "killed")
    return `No process writes this run any more, and the last one ended without a word: it was killed, or its machine went down. 'cnn-dist resume ${run!.plan!.run_dir}' goes on.`;
  if (word !== "no answer") return "";
  return why === null
    ? "The run's process does not answer: it has ended, or cannot be reached. What is shown is what was known last; this page goes on by itself when the process is back, also after 'cnn-dist resume'."
    : `There is no news of this run: ${why}. What is shown is what was known last.`;
}

/** Of the last steps, not of the whole run. */
function secondsAStep({ recent }: RunState): number | null {
  return recent.length === 0 ? null : recent.reduce((sum, { seconds }) => sum + seconds, 0) / recent.length;
}

function speedOf(state: RunState): string {
  if (state.done && state.done.samples_per_second > 0) return rate(state.done.samples_per_second);
  const seconds = secondsAStep(state);
  return seconds === null || seconds === 0 ? "none yet" : rate(state.plan!.batch_size / seconds);
}

function timeLeft(state: RunState, step: number): string {
  const word = stateOf(state, "live");
  if (word !== "training" && word !== "starting") return word;
  const seconds = secondsAStep(state);
  return seconds === null ? "not known yet" : duration((state.plan!.steps - step) * seconds);
}

/** What holds the run back now; of one that has ended, what did. */
function heldBackOf(word: Word, { done, heldBack }: RunState): string {
  const goesOn = word === "training" || word === "starting";
  const text = (done ? done.held_back : goesOn ? heldBack?.text : null) ?? "";
  return text.charAt(0).toUpperCase() + text.slice(1);
}
