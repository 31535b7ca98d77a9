/** What lies in a folder of runs and is none, with the reason of each. */
import { plural } from "../../format.js";
import type { PassedOver } from "../../runs/types.js";
import { h, setText, show } from "./dom.js";

export class PassedOverView {
  readonly #count = h("summary");
  readonly #list = h("ul");
  readonly element = h("details", { class: "dim", hidden: true }, this.#count, this.#list);
  #shown = "";

  show(those: readonly PassedOver[]): void {
    show(this.element, those.length > 0);
    const texts = those.map(({ path, reason }) => `${path}: ${reason}`);
    if (texts.join("\n") === this.#shown) return;
    this.#shown = texts.join("\n");
    setText(this.#count, `${plural(those.length, "thing")} in it that ${those.length === 1 ? "is" : "are"} no run`);
    this.#list.replaceChildren(...texts.map((text) => h("li", {}, text)));
  }
}
