/** Pictures of the network, of a run with `--pictures`: as it was at its newest evaluation, or at its best. */
import type { PicturesEvent } from "../../events.js";
import { count } from "../../format.js";
import type { RunState } from "../state/run-state.js";
import { h, section, setText, show } from "./dom.js";

export class PicturesView {
  readonly element: HTMLElement;
  readonly #which = h(
    "select",
    { id: "pictures-of" },
    h("option", { value: "newest" }, "newest"),
    h("option", { value: "best" }, "best"),
  );
  readonly #step = h("p", { class: "dim" });
  readonly #images = h("div", { class: "pictures" });
  readonly #address: (file: string) => string;
  #state: RunState | null = null;
  #shown: PicturesEvent | null = null;

  /** `address`: of a file of the run's folder. */
  constructor(address: (file: string) => string) {
    this.#address = address;
    this.#which.addEventListener("change", () => {
      if (this.#state) this.show(this.#state);
    });
    this.element = section(
      "Pictures",
      "pictures",
      h("div", { class: "controls" }, h("label", { for: "pictures-of" }, "evaluation "), this.#which, this.#step),
      this.#images,
    );
    this.element.hidden = true;
  }

  show(state: RunState): void {
    this.#state = state;
    const chosen = state.pictures[this.#which.value === "best" ? "best" : "newest"];
    show(this.element, state.pictures.newest !== null);
    if (chosen === null || chosen.step === this.#shown?.step) return;
    this.#shown = chosen;
    setText(this.#step, `after step ${count(chosen.step)}`);
    this.#images.replaceChildren(
      ...chosen.pictures.map(({ file, title, width, height }) =>
        h(
          "figure",
          {},
          h("figcaption", {}, h("h3", {}, title)),
          h("img", {
            src: this.#address(file),
            alt: title,
            width: Math.round(width / 2),
            height: Math.round(height / 2),
          }),
        ),
      ),
    );
  }
}
