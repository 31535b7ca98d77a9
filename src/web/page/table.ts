/** A table whose rows change. */
import { type Child, h, setText } from "./dom.js";

export interface Column {
  title: string;
  /** Of numbers: to the right. */
  numeric?: boolean;
  /** Long text that may break. */
  wide?: boolean;
}

export type Cell = string | { key: string; make: () => Child };

export class Table {
  /** Scrolls by itself where the window is narrow. */
  readonly element: HTMLElement;
  readonly #body = h("tbody");
  readonly #columns: readonly Column[];
  #keys: string[][] = [];

  constructor(label: string, columns: readonly Column[]) {
    this.#columns = columns;
    const head = columns.map(({ title, numeric }) => h("th", { scope: "col", class: numeric ? "number" : "" }, title));
    this.element = h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
      h("table", {}, h("thead", {}, h("tr", {}, ...head)), this.#body),
    );
  }

  /** The first cell of each row is its heading. */
  show(rows: readonly (readonly Cell[])[]): void {
    while (this.#body.rows.length > rows.length) this.#body.deleteRow(-1);
    this.#keys.length = rows.length;
    for (const [index, cells] of rows.entries()) this.#row(index, cells);
  }

  #row(index: number, cells: readonly Cell[]): void {
    const row = this.#body.rows[index] ?? this.#newRow();
    const before = this.#keys[index] ?? [];
    this.#keys[index] = cells.map((cell) => (typeof cell === "string" ? "" : cell.key));
    for (const [place, cell] of cells.entries()) {
      const element = row.cells[place]!;
      if (typeof cell === "string") setText(element, cell);
      else if (before[place] !== cell.key) element.replaceChildren(cell.make() ?? "");
    }
  }

  #newRow(): HTMLTableRowElement {
    const cells = this.#columns.map(({ numeric, wide }, place) => {
      const name = [numeric ? "number" : "", wide ? "wide" : ""].join(" ").trim();
      return place === 0 ? h("th", { scope: "row", class: name }) : h("td", { class: name });
    });
    const row = h("tr", {}, ...cells);
    this.#body.append(row);
    return row;
  }
}
