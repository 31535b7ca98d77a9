/** A chart of lines over one axis: uPlot with our colours, a line of text that says the values, and arrow keys to move along. */
import uPlot from "uplot";
import { type ColorName, onThemeChange, type Palette, palette } from "./colors.js";
import { h, setText } from "./dom.js";
import { Seen } from "./seen.js";

export interface Line {
  label: string;
  color: ColorName;
  /** `points`: only marks, not joined; `area`: filled down to 0, painted from the first to the last. */
  kind?: "line" | "points" | "area" | "band";
  width?: number;
  /** Pixels drawn and left out, in turns; absent: all are drawn. */
  dash?: number[];
  /** Without it, in the line of text as well. */
  silent?: boolean;
}

export interface ChartOptions {
  title: string;
  lines: readonly Line[];
  /** Of values in the line of text, and along the axis where there is no other for that. */
  format: (value: number) => string;
  ticks?: (value: number) => string;
  /** Of x, in the line of text. */
  formatX: (value: number) => string;
  /** Of x, along the axis. */
  ticksX: (value: number) => string;
  height?: number;
  /** What is said of a point, where it is not its lines' values. */
  tell?: (index: number) => string;
  /** From 0, and up to this for a column; else as the data are. */
  fromZeroTo?: (column: readonly number[]) => number;
  /** Two lines, by number, between which is filled. */
  band?: { upper: number; lower: number; color: ColorName };
}

export type Data = [number[], ...(number | null | undefined)[][]];

export class Chart {
  readonly element: HTMLElement;
  readonly #options: ChartOptions;
  readonly #plot = h("div", { class: "plot", tabindex: 0, role: "img" });
  readonly #values = h("p", { class: "values" });
  readonly #seen: Seen;
  readonly #forget: () => void;
  #chart: uPlot | null = null;
  #made: () => Data = () => [[]];
  #data: Data = [[]];
  #colors = palette();
  #zoomed = false;

  constructor(options: ChartOptions) {
    this.#options = options;
    this.element = h("figure", {}, h("figcaption", {}, h("h3", {}, options.title), this.#values), this.#plot);
    this.#plot.addEventListener("keydown", (event) => this.#key(event));
    const sizes = new ResizeObserver(() => this.#resize());
    sizes.observe(this.#plot);
    this.#seen = new Seen(this.#plot, () => this.#draw());
    const unheard = onThemeChange(() => {
      this.#colors = palette();
      this.#chart?.redraw();
    });
    this.#forget = () => {
      sizes.disconnect();
      this.#seen.end();
      unheard();
    };
  }

  /** Of a chart that is shown no more: nothing of it stays. */
  remove(): void {
    this.#forget();
    this.#chart?.destroy();
    this.#chart = null;
    this.element.remove();
  }

  /** `data`: makes x, then a column a line; asked when they are drawn, which is seldom outside of the window. */
  show(data: () => Data): void {
    this.#made = data;
    this.#seen.changed();
  }

  #draw(): void {
    this.#data = this.#made();
    if (this.#chart === null) this.#create();
    else if (this.#zoomed) this.#chart.setData(this.#data as uPlot.AlignedData, false);
    else this.#chart.setData(this.#data as uPlot.AlignedData);
    if (this.#zoomed) this.#chart?.redraw();
    this.#tell();
  }

  #create(): void {
    const { clientWidth } = this.#plot;
    if (clientWidth === 0) return;
    const { lines, format, ticks = format, ticksX, height = 220, fromZeroTo, band } = this.#options;
    const color: Palette = (name) => this.#colors(name);
    const axis = {
      stroke: () => color("dim"),
      grid: { stroke: () => color("grid"), width: 1 },
      ticks: { stroke: () => color("grid"), width: 1 },
      font: "12px system-ui, sans-serif",
    };
    const values = (write: (value: number) => string) => (_: uPlot, splits: (number | null)[]) =>
      splits.map((value) => (value === null ? "" : write(value)));
    this.#chart = new uPlot(
      {
        width: clientWidth,
        height,
        legend: { show: false },
        cursor: { sync: { key: "run" }, points: { size: 7 }, y: false },
        scales: {
          x: { time: false },
          y: {
            ...(fromZeroTo
              ? { range: (): uPlot.Range.MinMax => [0, fromZeroTo((this.#data[1] ?? []) as number[])] }
              : {}),
          },
        },
        axes: [
          { ...axis, values: values(ticksX), space: 70 },
          { ...axis, values: values(ticks), size: widthOf },
        ],
        series: [{}, ...lines.map((line) => seriesOf(line, color))],
        ...(band
          ? { bands: [{ series: [band.upper, band.lower] as [number, number], fill: () => `${color(band.color)}40` }] }
          : {}),
        hooks: {
          setCursor: [() => this.#tell()],
          setSelect: [
            ({ select }) => {
              if (select.width > 0) this.#zoomed = true;
            },
          ],
        },
      },
      this.#data as uPlot.AlignedData,
      this.#plot,
    );
    this.#chart.over.addEventListener("dblclick", () => {
      this.#zoomed = false;
      this.#chart?.setData(this.#data as uPlot.AlignedData);
    });
  }

  /** The values at the cursor, else the last. */
  #tell(): void {
    const { lines, format, formatX, tell } = this.#options;
    const [x, ...columns] = this.#data;
    const index = this.#chart?.cursor.idx ?? x.length - 1;
    const at = x[index];
    const parts = lines.flatMap((line, place) => {
      const value = valueBefore(columns[place] ?? [], index);
      return line.silent || value === null ? [] : [`${line.label} ${format(value)}`];
    });
    const text = at === undefined ? "nothing yet" : `${formatX(at)}: ${tell ? tell(index) : parts.join(" · ")}`;
    setText(this.#values, text);
    const label = `${this.#options.title}. ${text}. Arrow keys move along the curve.`;
    if (this.#plot.getAttribute("aria-label") !== label) this.#plot.setAttribute("aria-label", label);
  }

  #resize(): void {
    const { clientWidth } = this.#plot;
    if (clientWidth === 0) return;
    if (this.#chart === null) this.#draw();
    else if (this.#chart.width !== clientWidth) this.#chart.setSize({ width: clientWidth, height: this.#chart.height });
  }

  #key(event: KeyboardEvent): void {
    const moves: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 };
    const by = moves[event.key];
    const [x] = this.#data;
    if (by === undefined || this.#chart === null || x.length === 0) return;
    event.preventDefault();
    const now = this.#chart.cursor.idx ?? x.length - 1;
    const next = Math.min(x.length - 1, Math.max(0, now + by));
    this.#chart.setCursor({ left: this.#chart.valToPos(x[next]!, "x"), top: 10 });
  }
}

/** Pixels for the longest tick's text. */
function widthOf(_: uPlot, ticks: readonly string[] | null): number {
  return 22 + 7 * Math.max(4, ...(ticks ?? []).map(({ length }) => length));
}

/** Of a line that has no value at a place, such as a test between two evaluations, the one before. */
function valueBefore(column: readonly (number | null | undefined)[], index: number): number | null {
  for (let place = index; place >= 0; place--) if (column[place] != null) return column[place]!;
  return null;
}

function seriesOf({ kind = "line", color: name, width = 1.5, dash = [] }: Line, color: Palette): uPlot.Series {
  const stroke = () => color(name);
  switch (kind) {
    case "points":
      return { stroke, width: 0, points: { show: true, size: 8, width: 2, stroke, fill: stroke }, paths: () => null };
    case "area":
      return { stroke, fill: stroke, width: 0, points: { show: false } };
    case "band":
      return { stroke: "transparent", width: 0, points: { show: false } };
    case "line":
      return { stroke, width, dash, points: { show: false } };
  }
}
