/** Asks before a run is deleted. */
import type { RunRow } from "../../runs/types.js";
import { h, setText } from "./dom.js";

export class DeleteDialog {
  readonly element = h("dialog", { "aria-labelledby": "delete-title" });
  readonly #text = h("p");
  readonly #act: (row: RunRow) => Promise<void>;
  #row: RunRow | null = null;

  constructor(act: (row: RunRow) => Promise<void>) {
    this.#act = act;
    this.element.append(
      h("h2", { id: "delete-title" }, "Delete this run?"),
      this.#text,
      h(
        "div",
        { class: "controls" },
        h("button", { type: "button", click: () => this.element.close() }, "keep it"),
        h("button", { type: "button", class: "danger", click: () => this.#confirmed() }, "delete it"),
      ),
    );
  }

  ask(row: RunRow): void {
    this.#row = row;
    setText(this.#text, `${row.path}: its checkpoints, records and logs are deleted for good.`);
    this.element.showModal();
  }

  #confirmed(): void {
    this.element.close();
    if (this.#row) void this.#act(this.#row);
  }
}
