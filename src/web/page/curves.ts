/** The curves of a run, with the controls that they share. */
import uPlot from "uplot";
import { count, percent } from "../../format.js";
import { duration } from "../../terminal/format.js";
import { capOf } from "../state/cap.js";
import { type Metric, PHASES, type Phase } from "../state/curves.js";
import { bestOf, type RunState } from "../state/run-state.js";
import { smoothed } from "../state/smooth.js";
import { Chart, type Data, type Line } from "./chart.js";
import { h, section } from "./dom.js";
import { seconds, short } from "./words.js";

export type Axis = "steps" | "epochs" | "time";

const PHASE_WORDS: Readonly<Record<Phase, string>> = {
  wait: "wait for work and weights",
  input: "input",
  compute: "compute",
  write: "gradients on their way",
  reduce: "placed",
  update: "added and applied",
  commit: "commit",
};

export class CurvesView {
  readonly element: HTMLElement;
  readonly #smoothing = h("input", { type: "range", id: "smoothing", min: 0, max: 0.99, step: 0.01, value: 0.9 });
  readonly #axis = h(
    "select",
    { id: "axis" },
    h("option", { value: "steps" }, "steps"),
    h("option", { value: "epochs" }, "epochs"),
    h("option", { value: "time" }, "time of training"),
  );
  readonly #loss = this.#tested("Loss", short, short);
  readonly #accuracy = this.#tested("Accuracy", percent, (value) => `${Number((100 * value).toFixed(1))}%`);
  readonly #lr = this.#plain("Learning rate", "lr", short, (value) => String(Number(value.toPrecision(6))));
  readonly #norm = this.#plain("Gradient norm", "norm", short);
  readonly #speed = this.#plain("Images a second", "images/s", (value) => count(value));
  readonly #phases = new Chart({
    title: "Where a step's time goes",
    lines: [...PHASES]
      .reverse()
      .map((phase): Line => ({ label: PHASE_WORDS[phase], color: phase, kind: "area", silent: true })),
    format: seconds,
    formatX: (value) => this.#formatX(value),
    ticksX: (value) => this.#ticksX(value),
    fromZeroTo: capOf,
    tell: (index) => this.#tellPhases(index),
  });
  #state: RunState | null = null;

  constructor() {
    const output = h("output", { for: "smoothing" }, "0.90");
    this.#smoothing.addEventListener("input", () => {
      output.textContent = Number(this.#smoothing.value).toFixed(2);
      if (this.#state) this.show(this.#state);
    });
    this.#axis.addEventListener("change", () => {
      if (this.#state) this.show(this.#state);
    });
    const legend = h("p", { class: "legend" });
    for (const phase of PHASES) legend.append(h("span", { class: `key ${phase}` }), ` ${PHASE_WORDS[phase]}  `);
    this.#phases.element.append(legend);
    this.element = section(
      "Curves",
      "curves",
      h(
        "div",
        { class: "controls" },
        h("label", { for: "smoothing" }, "smoothing "),
        this.#smoothing,
        output,
        h("label", { for: "axis" }, "over "),
        this.#axis,
      ),
      h("div", { class: "grid two" }, this.#loss.element, this.#accuracy.element),
      h("div", { class: "grid two" }, this.#speed.element, this.#phases.element),
      h("div", { class: "grid two" }, this.#lr.element, this.#norm.element),
    );
  }

  show(state: RunState): void {
    this.#state = state;
    this.#loss.show(() => this.#withTests(state, "loss"));
    this.#accuracy.show(() => this.#withTests(state, "accuracy"));
    this.#lr.show(() => this.#curve(state, "lr", null));
    this.#norm.show(() => this.#curve(state, "gradientNorm"));
    this.#speed.show(() => this.#curve(state, "speed"));
    this.#phases.show(() => this.#sums(state));
  }

  #withTests(state: RunState, metric: "loss" | "accuracy"): Data {
    const { tests } = state;
    const ends = this.#placesOf(
      tests.map(({ step }) => step),
      tests.map((test) => test.seconds),
    );
    const best = bestOf(tests);
    const values = tests.map((test) => test[metric]);
    const marked = tests.map((test) => (test === best ? test[metric] : null));
    return joined(this.#curve(state, metric), [ends, values, marked]);
  }

  #curve({ curves }: RunState, metric: Metric, weight: number | null = Number(this.#smoothing.value)): Data {
    const { mean, min, max } = curves.metrics[metric];
    const x = this.#placesOf(curves.step, curves.seconds);
    return [x, min, max, mean, weight === null ? mean : smoothed(mean, curves.count, weight)];
  }

  /** Each phase on top of those before it. */
  #sums({ curves }: RunState): Data {
    let below: readonly number[] = curves.step.map(() => 0);
    const sums = PHASES.map((phase) => {
      const column = curves.phases[phase];
      below = below.map((value, index) => value + column[index]!);
      return [...below];
    });
    return [this.#placesOf(curves.step, curves.seconds), ...sums.reverse()];
  }

  /** The longest of them; the colours are in the legend. */
  #tellPhases(index: number): string {
    const { phases } = this.#state!.curves;
    const parts = PHASES.map((phase): [Phase, number] => [phase, phases[phase][index] ?? 0]);
    const longest = parts.sort(([, a], [, b]) => b - a).slice(0, 3);
    return longest.map(([phase, taken]) => `${PHASE_WORDS[phase]} ${seconds(taken)}`).join(" · ");
  }

  /** Raw, with its extremes where a point stands for many steps; smoothed; tests, the best of them marked. */
  #tested(title: string, format: (value: number) => string, ticks: (value: number) => string): Chart {
    return new Chart({
      title,
      lines: [
        ...RAW_AND_SMOOTH,
        { label: "test", color: "test", kind: "points" },
        { label: "best test", color: "best", kind: "points" },
      ],
      band: { upper: 2, lower: 1, color: "raw" },
      format,
      ticks,
      formatX: (value) => this.#formatX(value),
      ticksX: (value) => this.#ticksX(value),
      height: 260,
    });
  }

  #plain(title: string, label: string, format: (value: number) => string, ticks = format): Chart {
    return new Chart({
      title,
      lines: RAW_AND_SMOOTH.map((line) =>
        line.silent ? line : { ...line, label: line.label === "raw" ? label : "smoothed" },
      ),
      band: { upper: 2, lower: 1, color: "raw" },
      format,
      ticks,
      formatX: (value) => this.#formatX(value),
      ticksX: (value) => this.#ticksX(value),
    });
  }

  #placesOf(steps: readonly number[], times: readonly number[]): number[] {
    const perEpoch = this.#state?.plan?.steps_per_epoch ?? 1;
    switch (this.#axis.value as Axis) {
      case "steps":
        return [...steps];
      case "epochs":
        return steps.map((step) => step / perEpoch);
      case "time":
        return [...times];
    }
  }

  #ticksX(value: number): string {
    return this.#axis.value === "time" ? duration(value) : value.toLocaleString("en-US");
  }

  #formatX(value: number): string {
    switch (this.#axis.value as Axis) {
      case "steps":
        return `step ${count(value)}`;
      case "epochs":
        return `epoch ${value.toFixed(value < 10 ? 2 : 1)}`;
      case "time":
        return duration(value);
    }
  }
}

const RAW_AND_SMOOTH: readonly Line[] = [
  { label: "least", color: "raw", kind: "band", silent: true },
  { label: "greatest", color: "raw", kind: "band", silent: true },
  { label: "raw", color: "raw", width: 1 },
  { label: "smoothed", color: "line", width: 2 },
];

/** Two tables of columns over x as one; where one has no value at a place, there is none. */
function joined(curve: Data, tests: Data): Data {
  return uPlot.join([curve as uPlot.AlignedData, tests as uPlot.AlignedData]) as Data;
}
