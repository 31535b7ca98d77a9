/**
 * A table of many rows of one height, of which only those in the window exist. A row that says the same as before keeps its
 * element, so that a click that has begun, a selection and the focus are not lost when the table is shown again.
 */
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

interface Drawn {
  id: string;
  /** What it says. */
  text: string;
  element: HTMLTableRowElement;
}

export class VirtualTable<Row> {
  readonly element: HTMLElement;
  readonly #options: VirtualTableOptions<Row>;
  readonly #above: HTMLTableRowElement;
  readonly #below: HTMLTableRowElement;
  readonly #body = h("tbody");
  readonly #table: HTMLTableElement;
  readonly #heads = new Map<string, HTMLTableCellElement>();
  #rows: readonly Row[] = [];
  #drawn = { first: -1, last: -1 };
  #elements: ReadonlyMap<string, Drawn> = new Map();

  constructor(options: VirtualTableOptions<Row>) {
    this.#options = options;
    this.#above = spacer(options.columns.length);
    this.#below = spacer(options.columns.length);
    this.#body.append(this.#above, this.#below);
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
    const drawn = this.#rows.slice(first, last).map((row, index) => this.#rowOf(row, first + index));
    this.#elements = new Map(drawn.map((each) => [each.id, each]));
    setRows(this.#above, first);
    setRows(this.#below, this.#rows.length - last);
    this.#place(drawn.map(({ element }) => element));
    if (focused !== null && focusIn(this.#body) !== focused)
      (this.#body.querySelector(focused) as HTMLElement | null)?.focus({ preventScroll: true });
  }

  /** What is at its place already is not touched. */
  #place(rows: readonly Element[]): void {
    const wanted = new Set(rows);
    let at = this.#above.nextElementSibling!;
    const next = () => at.nextElementSibling!;
    const remove = () => {
      const gone = at;
      at = next();
      gone.remove();
    };
    for (const row of rows) {
      while (at !== this.#below && !wanted.has(at)) remove();
      if (at === row) at = next();
      else at.before(row);
    }
    while (at !== this.#below) remove();
  }

  #rowOf(row: Row, index: number): Drawn {
    const id = this.#options.id(row);
    const text = `${new Date().toDateString()} ${JSON.stringify(row)}`; // how a time is written depends on the day
    const known = this.#elements.get(id);
    const element = known?.text === text ? known.element : this.#row(row);
    element.setAttribute("aria-rowindex", String(index + 2));
    return { id, text, element };
  }

  #row(row: Row): HTMLTableRowElement {
    const cells = this.#options.columns.map(({ numeric, cell }, place) => {
      const name = numeric ? "number" : "";
      return place === 1 ? h("th", { scope: "row", class: name }, cell(row)) : h("td", { class: name }, cell(row));
    });
    return h("tr", { "data-row": this.#options.id(row) }, ...cells);
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
function spacer(columns: number): HTMLTableRowElement {
  return h("tr", { "aria-hidden": "true", hidden: true }, h("td", { colspan: columns, class: "spacer" }));
}

function setRows(row: HTMLTableRowElement, count: number): void {
  row.cells[0]!.style.height = `${count * ROW_PIXELS}px`;
  row.hidden = count === 0;
}
