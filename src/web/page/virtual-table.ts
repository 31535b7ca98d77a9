/** A table of many rows of one height, of which only those in the window exist. */
import { h } from "./dom.js";

export interface VirtualColumn<Row> {
  title: string;
  /** For sorting; absent: not sorted by. */
  key?: string;
  numeric?: boolean;
  cell(row: Row): Node | string;
}

const ROW_PIXELS = 34;
/** Rows beyond the window, so that scrolling shows no gaps. */
const BEYOND = 8;

export interface VirtualTableOptions<Row> {
  label: string;
  columns: readonly VirtualColumn<Row>[];
  /** Tells rows apart. */
  id(row: Row): string;
  sort(key: string): void;
}

export class VirtualTable<Row> {
  readonly element: HTMLElement;
  readonly #options: VirtualTableOptions<Row>;
  readonly #body = h("tbody");
  readonly #table: HTMLTableElement;
  readonly #heads = new Map<string, HTMLTableCellElement>();
  #rows: readonly Row[] = [];
  #drawn = { first: -1, last: -1 };

  constructor(options: VirtualTableOptions<Row>) {
    this.#options = options;
    const heads = options.columns.map(({ title, key, numeric }) => {
      const name = numeric ? "number" : "";
      if (key === undefined) return h("th", { scope: "col", class: name }, title);
      const sort = h("button", { type: "button", class: "plain", click: () => options.sort(key) }, title);
      const cell = h("th", { scope: "col", class: name }, sort);
      this.#heads.set(key, cell);
      return cell;
    });
    this.#table = h("table", {}, h("thead", {}, h("tr", { "aria-rowindex": 1 }, ...heads)), this.#body);
    this.element = h(
      "div",
      { class: "scroll many", tabindex: 0, role: "region", "aria-label": options.label },
      this.#table,
    );
    this.element.addEventListener("scroll", () => this.#draw(false), { passive: true });
    new ResizeObserver(() => this.#draw(false)).observe(this.element);
  }

  show(rows: readonly Row[], order: { key: string; descending: boolean }): void {
    this.#rows = rows;
    this.#table.setAttribute("aria-rowcount", String(rows.length + 1));
    for (const [key, cell] of this.#heads) {
      const sorted = key !== order.key ? "none" : order.descending ? "descending" : "ascending";
      if (cell.getAttribute("aria-sort") !== sorted) cell.setAttribute("aria-sort", sorted);
    }
    this.#draw(true);
  }

  /** `anew`: also where the same places are in the window. */
  #draw(anew: boolean): void {
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW_PIXELS) - BEYOND);
    const inWindow = Math.ceil(this.element.clientHeight / ROW_PIXELS) + 2 * BEYOND;
    const last = Math.min(this.#rows.length, first + inWindow);
    if (!anew && first === this.#drawn.first && last === this.#drawn.last) return;
    this.#drawn = { first, last };
    const focused = focusIn(this.#body);
    this.#body.replaceChildren(
      spacer(first, this.#options.columns.length),
      ...this.#rows.slice(first, last).map((row, index) => this.#row(row, first + index)),
      spacer(this.#rows.length - last, this.#options.columns.length),
    );
    if (focused !== null) (this.#body.querySelector(focused) as HTMLElement | null)?.focus({ preventScroll: true });
  }

  #row(row: Row, index: number): HTMLTableRowElement {
    const cells = this.#options.columns.map(({ numeric, cell }, place) => {
      const name = numeric ? "number" : "";
      return place === 1 ? h("th", { scope: "row", class: name }, cell(row)) : h("td", { class: name }, cell(row));
    });
    return h("tr", { "aria-rowindex": index + 2, "data-row": this.#options.id(row) }, ...cells);
  }
}

/** Where the focus is, so that it can be given back: the row and the kind of its element. */
function focusIn(body: HTMLElement): string | null {
  const { activeElement } = document;
  const row = activeElement?.closest("tr")?.dataset.row;
  const part = (activeElement as HTMLElement | null)?.dataset.part;
  if (!activeElement || !body.contains(activeElement) || row === undefined || part === undefined) return null;
  return `tr[data-row="${CSS.escape(row)}"] [data-part="${part}"]`;
}

/** In place of rows that are not in the window. */
function spacer(rows: number, columns: number): HTMLTableRowElement {
  const cell = h("td", { colspan: columns, class: "spacer" });
  cell.style.height = `${rows * ROW_PIXELS}px`;
  const row = h("tr", { "aria-hidden": "true" }, cell);
  row.hidden = rows === 0;
  return row;
}
