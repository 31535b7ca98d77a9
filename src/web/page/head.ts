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
  readonly #lost = h(
    "p",
    { class: "notice", hidden: true },
    "The run's process does not answer: it has ended, or cannot be reached. What is shown is what was known last; this page goes on by itself when the process is back, also after 'cnn-dist resume'.",
  );
  #connection: Connection = "connecting";
  #run: RunState | null = null;

  constructor() {
    this.element = h(
      "header",
      {},
      h("div", { class: "title" }, this.#title, this.#state),
      this.#what,
      this.#lost,
      this.#bar,
      this.#figures,
      this.#held,
    );
  }

  connection(now: Connection): void {
    this.#connection = now;
    show(this.#lost, now === "lost" && !this.#run?.done);
    if (this.#run) this.#showState(this.#run);
  }

  show(state: RunState): void {
    this.#run = state;
    const { plan, last, tests } = state;
    if (plan === null) return;
    const step = last?.step ?? plan.start_step;
    const name = basename(plan.run_dir);
    setText(this.#title, name);
    document.title = `${Math.floor((100 * step) / plan.steps)}% · ${name}`;
    setText(this.#what, `${plan.model} on ${plan.dataset.name}, ${plural(plan.workers, "worker")}, ${plan.run_dir}`);
    this.#bar.value = step / plan.steps;
    this.#showState(state);
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
    setText(this.#held, heldBackOf(state));
    show(this.#held, this.#held.textContent !== "");
  }

  #showState({ done, last }: RunState): void {
    const word = done ? done.event : this.#connection === "lost" ? "no answer" : last ? "training" : "starting";
    setText(this.#state, word);
    this.#state.className = `state ${word.replace(" ", "-")}`;
  }

  #showFigures(figures: readonly (readonly [string, string])[]): void {
    for (const [index, [label, value]] of figures.entries()) {
      const item = this.#figures.children[index] ?? this.#figures.appendChild(h("div", {}, h("dt"), h("dd")));
      setText(item.children[0]!, label);
      setText(item.children[1]!, value);
    }
  }
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
  if (state.done) return state.done.event === "done" ? "done" : "stopped";
  const seconds = secondsAStep(state);
  return seconds === null ? "not known yet" : duration((state.plan!.steps - step) * seconds);
}

/** What holds the run back now; of one that has ended, what did. */
function heldBackOf({ done, heldBack }: RunState): string {
  const text = (done ? done.held_back : heldBack?.text) ?? "";
  return text.charAt(0).toUpperCase() + text.slice(1);
}
