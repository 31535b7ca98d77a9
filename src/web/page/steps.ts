/** The last steps: what each rank's time went to, and who computed which shard when. */
import type { RankPhases } from "../../events.js";
import { count } from "../../format.js";
import { capOf } from "../state/cap.js";
import type { RunState } from "../state/run-state.js";
import type { RecentStep } from "../state/steps.js";
import { type Bar, type Picture, pictureOf, type Row, waitingOf } from "../state/timeline.js";
import { onThemeChange, palette } from "./colors.js";
import { h, section, setText, show } from "./dom.js";
import { seconds } from "./words.js";

const PARTS = ["compute", "input", "wait", "idle"] as const;
const PART_WORDS: Readonly<Record<(typeof PARTS)[number], string>> = {
  compute: "compute",
  input: "input",
  wait: "wait for work and weights",
  idle: "wait for other ranks",
};
const LEGEND = ["wait", "input", "forward", "backward", "compute", "idle", "reduce", "update", "commit"] as const;
/** More ranks are shown on request. */
const FEW_RANKS = 8;
const BAND_HEIGHT = 72;

export class StepsView {
  readonly element: HTMLElement;
  readonly #bands = h("div", { class: "bands" });
  readonly #more = h("button", { type: "button" });
  readonly #about = h("p");
  readonly #kind = h("p", { class: "dim" });
  readonly #timeline = h("div", { class: "timeline scroll", tabindex: 0, role: "region", "aria-label": "timeline" });
  readonly #freeze = h("button", { type: "button", "aria-pressed": "false" }, "hold still");
  #colors = palette();
  /** Of the bands, pixels: as it was told, since asking for it makes the browser lay out the page at once. */
  #width = 0;
  readonly #sizes = new ResizeObserver((entries) => {
    this.#width = entries.at(-1)!.contentRect.width;
    this.#again();
  });
  #all = false;
  #frozen = false;
  #drawn = "";
  #state: RunState | null = null;

  constructor() {
    this.#more.addEventListener("click", () => {
      this.#all = !this.#all;
      this.#again();
    });
    this.#freeze.addEventListener("click", () => {
      this.#frozen = !this.#frozen;
      this.#freeze.setAttribute("aria-pressed", String(this.#frozen));
      this.#again();
    });
    onThemeChange(() => {
      this.#colors = palette();
      this.#again();
    });
    const legend = h("p", { class: "legend" });
    for (const part of PARTS) legend.append(h("span", { class: `key ${part}` }), ` ${PART_WORDS[part]}  `);
    const bars = h("p", { class: "legend" });
    for (const what of LEGEND)
      bars.append(h("span", { class: `key ${what}` }), ` ${what === "idle" ? "waits for others" : what}  `);
    this.element = section(
      "The last steps",
      "steps",
      h("h3", {}, "Each rank's time, a column a step"),
      legend,
      this.#bands,
      this.#more,
      h("h3", {}, "Who computed which shard when"),
      this.#about,
      bars,
      this.#timeline,
      h("div", { class: "controls" }, this.#freeze, this.#kind),
    );
  }

  show(state: RunState): void {
    this.#state = state;
    if (this.#frozen) return;
    this.#showBands(state.recent);
    setText(this.#about, sentenceOf(state.recent));
    const picture = pictureOf(state.timelines, state.recent);
    const key = picture === null ? "" : `${picture.exact} ${picture.steps.map(({ step }) => step).join()}`;
    if (key === this.#drawn) return;
    this.#drawn = key;
    if (picture === null) return this.#timeline.replaceChildren("no step was made yet");
    this.#timeline.replaceChildren(drawn(picture));
    setText(
      this.#kind,
      picture.exact
        ? `${stepsOf(picture)}, measured; while this page is open, a few steps are measured every two seconds`
        : `${stepsOf(picture)}, from each rank's sums: in the order wait, input, compute, wait for others`,
    );
  }

  #again(): void {
    this.#drawn = "";
    if (this.#state) this.show(this.#state);
  }

  #showBands(recent: readonly RecentStep[]): void {
    const ranks = Object.keys(recent.at(-1)?.ranks ?? {})
      .map(Number)
      .sort((a, b) => a - b);
    const shown = this.#all ? ranks : slowestOf(recent, ranks).slice(0, FEW_RANKS);
    show(this.#more, ranks.length > FEW_RANKS);
    setText(this.#more, this.#all ? `show the ${FEW_RANKS} slowest` : `show all ${ranks.length} ranks`);
    const most = capOf(recent.map(({ seconds: taken }) => taken));
    while (this.#bands.children.length > shown.length) this.#bands.lastElementChild!.remove();
    for (const [index, rank] of shown.entries()) {
      if (!this.#bands.children[index]) this.#addBand();
      this.#drawBand(this.#bands.children[index]!, rank, recent, most);
    }
  }

  #addBand(): void {
    const canvas = h("canvas", { role: "img" });
    if (this.#bands.childElementCount === 0) this.#sizes.observe(canvas); // they are as wide as each other
    this.#bands.append(h("div", { class: "band" }, h("span", {}), canvas, h("span", { class: "dim" })));
  }

  #drawBand(row: Element, rank: number, recent: readonly RecentStep[], mostSeconds: number): void {
    const [name, canvas, sum] = [...row.children] as [HTMLElement, HTMLCanvasElement, HTMLElement];
    setText(name, `rank ${rank}`);
    const words = PARTS.map((part) => `${part} ${seconds(meanOf(recent, rank, part))}`).join(", ");
    setText(sum, words);
    const label = `rank ${rank}, mean of the last ${recent.length} steps: ${words}`;
    if (canvas.getAttribute("aria-label") !== label) canvas.setAttribute("aria-label", label);
    const scale = devicePixelRatio;
    const size = { width: Math.round(this.#width * scale), height: BAND_HEIGHT * scale };
    if (canvas.width !== size.width || canvas.height !== size.height) Object.assign(canvas, size);
    const context = canvas.getContext("2d")!;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, this.#width, BAND_HEIGHT);
    const width = this.#width / Math.max(30, recent.length);
    for (const [index, { ranks }] of recent.entries()) {
      const phases = ranks[rank];
      if (!phases) continue; // it had no part in the step
      let top = BAND_HEIGHT;
      for (const part of PARTS) {
        const height = (BAND_HEIGHT * phases[`${part}_seconds`]) / mostSeconds;
        top -= height;
        context.fillStyle = this.#colors(part);
        context.fillRect(index * width, top, Math.max(0.5, width - (width > 4 ? 1 : 0)), height);
      }
    }
  }
}

/** With many ranks: those that computed longest, in the order of their numbers. */
function slowestOf(recent: readonly RecentStep[], ranks: readonly number[]): number[] {
  if (ranks.length <= FEW_RANKS) return [...ranks];
  const computed = (rank: number) =>
    recent.reduce((sum, { ranks: of }) => sum + (of[rank]?.compute_seconds ?? 0) + (of[rank]?.input_seconds ?? 0), 0);
  return [...ranks]
    .sort((a, b) => computed(b) - computed(a))
    .slice(0, FEW_RANKS)
    .sort((a, b) => a - b);
}

function meanOf(recent: readonly RecentStep[], rank: number, part: (typeof PARTS)[number]): number {
  const values = recent.flatMap(({ ranks }) => (ranks[rank] ? [(ranks[rank] as RankPhases)[`${part}_seconds`]] : []));
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function sentenceOf(recent: readonly RecentStep[]): string {
  const waiting = waitingOf(recent);
  if (!waiting) return recent.length === 0 ? "No step was made yet." : "One rank computes all shards: nobody waits.";
  const [most] = waiting.waited;
  const others =
    waiting.waited.length > 1
      ? `the others waited for it, rank ${most![0]} longest:`
      : `rank ${most![0]} waited for it:`;
  return `Step ${count(waiting.step)}: rank ${waiting.last} ended last; ${others} ${seconds(most![1] / 1000)}.`;
}

function stepsOf({ steps }: Picture): string {
  const [first, last] = [steps[0]!.step, steps.at(-1)!.step];
  return first === last ? `step ${count(first)}` : `steps ${count(first)} to ${count(last)}`;
}

const ROW_HEIGHT = 30;
const LABEL_WIDTH = 86;
const WIDTH = 1000;
const SVG = "http://www.w3.org/2000/svg";

function drawn({ rows, steps, startMs, endMs }: Picture): SVGElement {
  const height = rows.length * ROW_HEIGHT + 22;
  const x = (ms: number) => LABEL_WIDTH + ((WIDTH - LABEL_WIDTH) * (ms - startMs)) / Math.max(1e-9, endMs - startMs);
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": "timeline of steps" });
  for (const [index, row] of rows.entries()) drawRow(picture, row, index * ROW_HEIGHT, x);
  for (const step of steps) {
    picture.append(svg("line", { x1: x(step.startMs), x2: x(step.startMs), y1: 0, y2: height - 18, class: "tick" }));
    const words = `step ${count(step.step)}, ${seconds((step.endMs - step.startMs) / 1000)}`;
    if (x(step.endMs) - x(step.startMs) > 7.5 * words.length)
      picture.append(text(x(step.startMs) + 3, height - 6, words));
  }
  return picture;
}

function drawRow(picture: SVGElement, { rank, bars }: Row, top: number, x: (ms: number) => number): void {
  picture.append(text(0, top + 19, rank === null ? "coordinator" : `rank ${rank}`));
  for (const bar of bars) {
    const width = Math.max(0.4, x(bar.endMs) - x(bar.startMs));
    const rect = svg("rect", {
      x: x(bar.startMs),
      y: top + 3,
      width,
      height: ROW_HEIGHT - 6,
      class: `bar ${bar.what}`,
    });
    const title = svg("title", {});
    title.textContent = nameOf(bar);
    rect.append(title);
    picture.append(rect);
    if (bar.shard !== null && width > 16 && bar.what !== "input") {
      const label = text(x(bar.startMs) + 4, top + 19, String(bar.shard));
      label.setAttribute("class", `on-bar ${bar.what}`);
      picture.append(label);
    }
  }
}

function nameOf({ what, shard, bucket, step, startMs, endMs }: Bar): string {
  const of = [shard === null ? "" : `, shard ${shard}`, bucket === null ? "" : `, bucket ${bucket}`].join("");
  return `${what === "idle" ? "waits for others" : what}${of}: ${seconds((endMs - startMs) / 1000)}, step ${count(step)}`;
}

function svg(tag: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

function text(x: number, y: number, words: string): SVGElement {
  const element = svg("text", { x, y });
  element.textContent = words;
  return element;
}
