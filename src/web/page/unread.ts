/** What lies in a folder of runs and is none, or could not be read, with the reason of each. */
import { plural } from "../../format.js";
import { h, setText, show } from "./dom.js";

export class UnreadView {
  readonly #count = h("summary");
  readonly #list = h("ul");
  readonly element = h("details", { class: "dim", hidden: true }, this.#count, this.#list);
  #shown = "";

  show(texts: readonly string[]): void {
    if (texts.join("\n") === this.#shown) return;
    this.#shown = texts.join("\n");
    show(this.element, texts.length > 0);
    setText(this.#count, `${plural(texts.length, "note")} on what is no run here, or could not be read`);
    this.#list.replaceChildren(...texts.map((text) => h("li", {}, text)));
  }
}
