/** Messages of the run, and the last lines of a rank's log. */
import type { RunState } from "../state/run-state.js";
import { h, section, setText } from "./dom.js";
import { Seen } from "./seen.js";
import { clock } from "./words.js";

const REFRESH_MS = 3000;

export class LogView {
  readonly element: HTMLElement;
  readonly #of = h("select", { id: "log-of" });
  readonly #text = h("pre", { tabindex: 0, role: "region", "aria-label": "last lines of the log" }, "…");
  readonly #messages = h("ul", { class: "messages" });
  readonly #read: (of: string) => Promise<string>;
  #names = "";
  #told = 0;

  /** `read`: the last lines of the coordinator's log or of a rank's. */
  constructor(read: (of: string) => Promise<string>) {
    this.#read = read;
    this.#of.addEventListener("change", () => void this.#refresh());
    this.element = section(
      "Messages and logs",
      "log",
      this.#messages,
      h("div", { class: "controls" }, h("label", { for: "log-of" }, "last lines of "), this.#of),
      this.#text,
    );
    const seen = new Seen(this.#text, () => void this.#refresh());
    window.setInterval(() => {
      if (document.visibilityState === "visible" && seen.inWindow) seen.changed();
    }, REFRESH_MS);
  }

  show({ team, messages }: RunState): void {
    const names = ["coordinator", ...team.workers.map(({ rank }) => String(rank))];
    if (names.join() !== this.#names) {
      this.#names = names.join();
      const chosen = this.#of.value;
      this.#of.replaceChildren(
        ...names.map((value) => h("option", { value }, value === "coordinator" ? value : `rank ${value}`)),
      );
      if (names.includes(chosen)) this.#of.value = chosen;
      void this.#refresh();
    }
    const newest = messages.at(-1)?.time ?? 0;
    if (messages.length === this.#messages.children.length && newest === this.#told) return;
    this.#told = newest;
    const now = new Date();
    this.#messages.replaceChildren(
      ...[...messages]
        .reverse()
        .map(({ time, level, message }) =>
          h("li", { class: level }, `${clock(time, now)} ${level === "info" ? "" : `${LEVELS[level]}: `}${message}`),
        ),
    );
  }

  async #refresh(): Promise<void> {
    const of = this.#of.value;
    const text = await this.#read(of).catch(() => null);
    if (text === null || of !== this.#of.value) return;
    const atEnd = this.#text.scrollTop + this.#text.clientHeight >= this.#text.scrollHeight - 4;
    setText(this.#text, text === "" ? "nothing was written" : text);
    if (atEnd) this.#text.scrollTop = this.#text.scrollHeight;
  }
}

const LEVELS = { info: "", warn: "warning", error: "error" } as const;
