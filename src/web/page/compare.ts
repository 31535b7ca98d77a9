/** Runs beside each other: their curves in one picture, what differs in their recipes, and whether they are the same. */
import uPlot from "uplot";
import { count, percent } from "../../format.js";
import type { RunComparison } from "../../runs/types.js";
import { duration } from "../../terminal/format.js";
import type { RunCurves } from "../state/run-curves.js";
import { smoothed } from "../state/smooth.js";
import { jsonOf } from "./api.js";
import { Chart, type Data, type Line } from "./chart.js";
import type { ColorName } from "./colors.js";
import { h, setText, show } from "./dom.js";
import { Table } from "./table.js";
import { short } from "./words.js";

/** Where runs are equal, the one below shows through. */
const DASHES: readonly number[][] = [[], [8, 5], [3, 4], [12, 4, 3, 4]];

type Axis = "steps" | "epochs" | "time";

export class CompareView {
  readonly element: HTMLElement;
  readonly #none = h("p", {}, "Choose runs in the table to lay their curves over each other.");
  readonly #body = h("div", { hidden: true });
  readonly #legend = h("p", { class: "legend" });
  readonly #verdict = h("ul", { class: "verdict" });
  readonly #charts = h("div", { class: "grid two" });
  readonly #keys = h("div");
  readonly #smoothing = h("input", {
    type: "range",
    id: "compare-smoothing",
    min: 0,
    max: 0.99,
    step: 0.01,
    value: 0.9,
  });
  readonly #axis = h(
    "select",
    { id: "compare-axis" },
    h("option", { value: "steps" }, "steps"),
    h("option", { value: "epochs" }, "epochs"),
    h("option", { value: "time" }, "time of training"),
  );
  #runs: RunCurves[] = [];
  #comparison: RunComparison | null = null;
  #names: readonly string[] = [];
  #drawn: { names: string; charts: [Chart, Chart] } | null = null;

  constructor() {
    this.#axis.addEventListener("change", () => this.#draw());
    this.#smoothing.addEventListener("input", () => this.#draw());
    this.#body.append(
      this.#verdict,
      h(
        "div",
        { class: "controls" },
        h("label", { for: "compare-smoothing" }, "smoothing "),
        this.#smoothing,
        h("label", { for: "compare-axis" }, "over "),
        this.#axis,
      ),
      this.#legend,
      this.#charts,
      h("h3", {}, "Keys of the recipes that differ"),
      this.#keys,
    );
    this.element = h("div", {}, this.#none, this.#body);
  }

  /** The curves that are not here yet are asked for, and those of `grown`. */
  async choose(names: readonly string[], grown: readonly string[] = []): Promise<void> {
    this.#names = names;
    const had = new Map(this.#runs.filter(({ name }) => !grown.includes(name)).map((run) => [run.name, run]));
    const query = names.map((name) => `run=${encodeURIComponent(name)}`);
    const [comparison, ...runs] = await Promise.all([
      names.length < 2 ? null : jsonOf<RunComparison>(`/api/compare?${query.join("&")}`),
      ...names.map((name, index) => had.get(name) ?? jsonOf<RunCurves>(`/api/curves?${query[index]}`)),
    ]);
    if (names !== this.#names) return; // others were chosen meanwhile
    this.#runs = runs;
    this.#comparison = comparison;
    this.#draw();
  }

  #draw(): void {
    const runs = this.#runs;
    show(this.#none, runs.length === 0);
    show(this.#body, runs.length > 0);
    if (runs.length === 0) return;
    this.#verdict.replaceChildren(...(this.#comparison?.words ?? []).map((text) => h("li", {}, text)));
    this.#showCharts();
    this.#showKeys();
  }

  #showCharts(): void {
    const names = this.#runs.map(({ name }) => name).join("\n");
    if (this.#drawn?.names !== names) {
      for (const chart of this.#drawn?.charts ?? []) chart.remove();
      const charts: [Chart, Chart] = [
        this.#chart("Loss", short, short),
        this.#chart("Accuracy", percent, (value) => `${Number((100 * value).toFixed(1))}%`),
      ];
      this.#charts.replaceChildren(...charts.map(({ element }) => element));
      this.#drawn = { names, charts };
      this.#legend.replaceChildren(
        ...this.#runs.flatMap(({ name }, index) => [h("span", { class: `key run${index}` }), ` ${name}  `]),
      );
    }
    const [loss, accuracy] = this.#drawn.charts;
    loss.show(() => this.#columns("loss"));
    accuracy.show(() => this.#columns("accuracy"));
  }

  /** Smoothed curves of training, and marks for the tests. */
  #chart(title: string, format: (value: number) => string, ticks: (value: number) => string): Chart {
    const lines = this.#runs.flatMap(({ name }, index): Line[] => {
      const color: ColorName = `run${index}`;
      return [
        { label: name, color, width: 2, dash: DASHES[index % DASHES.length]! },
        { label: `${name}, test`, color, kind: "points" },
      ];
    });
    return new Chart({
      title,
      lines,
      format,
      ticks,
      formatX: (value) => this.#formatX(value),
      ticksX: (value) => (this.#axis.value === "time" ? duration(value) : count(value)),
      height: 280,
    });
  }

  #columns(metric: "loss" | "accuracy"): Data {
    const weight = Number(this.#smoothing.value);
    const tables = this.#runs.flatMap((run) => {
      const { curves, tests } = run;
      const curve = smoothed(curves.metrics[metric].mean, curves.count, weight);
      const at = (step: number, seconds: number) => this.#place(run, step, seconds);
      return [
        [curves.step.map((step, index) => at(step, curves.seconds[index]!)), curve],
        [tests.map(({ step, seconds }) => at(step, seconds)), tests.map((test) => test[metric])],
      ] as uPlot.AlignedData[];
    });
    return uPlot.join(tables) as Data;
  }

  #place({ stepsPerEpoch }: RunCurves, step: number, seconds: number): number {
    switch (this.#axis.value as Axis) {
      case "steps":
        return step;
      case "epochs":
        return step / stepsPerEpoch;
      case "time":
        return seconds;
    }
  }

  #formatX(value: number): string {
    switch (this.#axis.value as Axis) {
      case "steps":
        return `step ${count(value)}`;
      case "epochs":
        return `epoch ${value.toFixed(2)}`;
      case "time":
        return duration(value);
    }
  }

  #showKeys(): void {
    const differing = this.#comparison?.differing ?? [];
    if (differing.length === 0) {
      setText(this.#keys, this.#comparison === null ? "Choose a second run." : "None: the recipes are the same.");
      return;
    }
    const table = new Table("keys that differ", [
      { title: "key" },
      ...this.#runs.map(({ name }) => ({ title: name, wide: true })),
    ]);
    table.show(differing.map(({ key, values }) => [key, ...values.map((value) => String(value ?? "none"))]));
    this.#keys.replaceChildren(table.element);
  }
}
