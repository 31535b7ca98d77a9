/** The page of a folder of runs. */
import { count, percent, plural } from "../../format.js";
import { csvOf } from "../../runs/csv.js";
import type { RunRow, RunsList } from "../../runs/types.js";
import { duration } from "../../terminal/format.js";
import { filtered, type Key, LATEST_FIRST, type Order, ordered } from "../state/rows.js";
import { change, download, jsonOf, takeToken } from "./api.js";
import { CompareView } from "./compare.js";
import { DeleteDialog } from "./delete-dialog.js";
import { h, section, setText, show } from "./dom.js";
import { UnreadView } from "./unread.js";
import { VirtualTable } from "./virtual-table.js";
import { clock, short } from "./words.js";

const REFRESH_MS = 2000;
/** More curves than colours that are told apart say nothing. */
const MOST_COMPARED = 8;

export function showRuns(body: HTMLElement): void {
  const page = new RunsPage(takeToken());
  body.append(page.element);
  page.begin();
}

class RunsPage {
  readonly element: HTMLElement;
  readonly #token: string | null;
  readonly #folder = h("p", { class: "dim" });
  readonly #unread = new UnreadView();
  readonly #words = h("input", {
    type: "search",
    id: "words",
    placeholder: "model, data, state, name, hash",
    autocomplete: "off",
  });
  readonly #hidden = h("input", { type: "checkbox", id: "hidden" });
  readonly #shown = h("p", { role: "status" });
  /** That the dashboard does not answer, until it does. */
  readonly #silent = h("p", { class: "notice", role: "alert", hidden: true });
  /** What became of something that was asked for; it stays until the next. */
  readonly #problem = h("p", { class: "notice", role: "alert", hidden: true });
  readonly #table: VirtualTable<RunRow>;
  readonly #compare = new CompareView();
  readonly #chosen = new Set<string>();
  readonly #dialog = new DeleteDialog((row) => this.#change("delete", row));
  #rows: readonly RunRow[] = [];
  #visible: RunRow[] = [];
  #order: Order = LATEST_FIRST;

  constructor(token: string | null) {
    this.#token = token;
    this.#table = new VirtualTable<RunRow>({
      label: "runs",
      columns: this.#columns(),
      id: ({ name }) => name,
      sort: (key) => this.#sort(key as Key),
    });
    this.#words.addEventListener("input", () => this.#draw());
    this.#hidden.addEventListener("change", () => this.#draw());
    const files = [
      h("button", { type: "button", click: () => download("runs.csv", "text/csv", csvOf(this.#visible)) }, "CSV"),
      h(
        "button",
        {
          type: "button",
          click: () => download("runs.json", "application/json", JSON.stringify(this.#visible, null, 2)),
        },
        "JSON",
      ),
    ];
    this.element = h(
      "main",
      {},
      h("h1", {}, "Runs"),
      this.#folder,
      this.#unread.element,
      this.#silent,
      this.#problem,
      token === null
        ? h("p", { class: "dim" }, "To hide and delete runs, open the whole address that 'cnn-dist dashboard' printed.")
        : null,
      h(
        "div",
        { class: "controls" },
        h("label", { for: "words" }, "filter "),
        this.#words,
        h("span", { class: "together" }, this.#hidden, h("label", { for: "hidden" }, "show hidden")),
        ...files,
        this.#shown,
      ),
      this.#table.element,
      section("Compare", "compare", this.#compare.element),
      this.#dialog.element,
    );
  }

  begin(): void {
    const again = () => window.setTimeout(look, REFRESH_MS);
    const look = async () => {
      if (document.visibilityState === "visible") await this.#refresh();
      again();
    };
    void this.#refresh().then(again);
  }

  async #refresh(): Promise<void> {
    try {
      const { dir, runs, passed_over } = await jsonOf<RunsList>("/api/runs");
      setText(this.#folder, dir);
      this.#unread.show([
        ...passed_over.map(({ path, reason }) => `${path}: ${reason}`),
        ...runs.flatMap(({ warnings }) => warnings),
      ]);
      show(this.#silent, false);
      const before = this.#rows;
      this.#rows = runs;
      this.#draw();
      await this.#chosenAgain(before);
    } catch (error) {
      setText(
        this.#silent,
        error instanceof TypeError // fetch's, where nothing came
          ? "The dashboard does not answer: it has ended, or cannot be reached. What is shown is what was known last."
          : `The runs cannot be listed: ${error instanceof Error ? error.message : error}`,
      );
      show(this.#silent, true);
    }
  }

  /** Chosen runs that are gone are chosen no more; of those that went on, the curves are asked for again. */
  async #chosenAgain(before: readonly RunRow[]): Promise<void> {
    const old = new Map(before.map((row) => [row.name, row]));
    const rows = new Map(this.#rows.map((row) => [row.name, row]));
    const gone = [...this.#chosen].filter((name) => !rows.has(name));
    const grown = [...this.#chosen].filter((name) => rows.get(name)?.updated !== old.get(name)?.updated);
    for (const name of gone) this.#chosen.delete(name);
    if (gone.length + grown.length > 0) await this.#choose(grown);
  }

  async #choose(grown: readonly string[] = []): Promise<void> {
    try {
      await this.#compare.choose([...this.#chosen], grown);
    } catch (error) {
      this.#tell(`The runs cannot be compared: ${error instanceof Error ? error.message : error}`);
    }
  }

  #draw(): void {
    this.#visible = ordered(
      filtered(this.#rows, { words: this.#words.value, hidden: this.#hidden.checked }),
      this.#order,
    );
    setText(this.#shown, `${count(this.#visible.length)} of ${plural(this.#rows.length, "run")}`);
    this.#table.show(this.#visible, this.#order);
  }

  #sort(key: Key): void {
    this.#order = { key, descending: this.#order.key === key ? !this.#order.descending : !TEXTS.has(key) };
    this.#draw();
  }

  #columns() {
    const optional = (value: number | null, write: (value: number) => string) => (value === null ? "" : write(value));
    return [
      { title: "compare", cell: (row: RunRow) => this.#box(row) },
      {
        title: "run",
        key: "name",
        cell: (row: RunRow) =>
          h("a", { href: `/runs/${encodeURIComponent(row.name)}/`, "data-part": "link" }, row.name),
      },
      {
        title: "state",
        key: "state",
        cell: ({ state, hidden }: RunRow) =>
          h("span", { class: `state ${state}` }, hidden ? `${state}, hidden` : state),
      },
      { title: "model", key: "model", cell: ({ model }: RunRow) => model },
      { title: "data", key: "dataset", cell: ({ dataset }: RunRow) => dataset },
      {
        title: "best accuracy",
        key: "best_accuracy",
        numeric: true,
        cell: ({ best_accuracy }: RunRow) => optional(best_accuracy, percent),
      },
      { title: "loss", key: "loss", numeric: true, cell: ({ loss }: RunRow) => optional(loss, short) },
      {
        title: "images/s",
        key: "samples_per_second",
        numeric: true,
        cell: ({ samples_per_second }: RunRow) => optional(samples_per_second, count),
      },
      {
        title: "duration",
        key: "duration_seconds",
        numeric: true,
        cell: ({ duration_seconds }: RunRow) => optional(duration_seconds, duration),
      },
      {
        title: "step",
        key: "step",
        numeric: true,
        cell: ({ step, steps }: RunRow) => (steps === null ? count(step) : `${count(step)} of ${count(steps)}`),
      },
      { title: "started", key: "started", cell: ({ started }: RunRow) => clock(started, new Date()) },
      {
        title: "recipe",
        key: "recipe_sha256",
        cell: ({ recipe_sha256 }: RunRow) => h("code", {}, (recipe_sha256 ?? "").slice(0, 8)),
      },
      ...(this.#token === null ? [] : [{ title: "", cell: (row: RunRow) => this.#buttons(row) }]),
    ];
  }

  #box({ name }: RunRow): HTMLElement {
    const box = h("input", {
      type: "checkbox",
      "aria-label": `compare ${name}`,
      "data-part": "box",
      checked: this.#chosen.has(name),
    });
    box.addEventListener("change", () => {
      if (box.checked) this.#chosen.add(name);
      else this.#chosen.delete(name);
      if (this.#chosen.size > MOST_COMPARED) {
        this.#chosen.delete(name);
        box.checked = false;
        this.#tell(`At most ${MOST_COMPARED} runs can be compared. Take one of them away first.`);
      }
      void this.#choose();
    });
    return box;
  }

  #buttons(row: RunRow): HTMLElement {
    const what = row.hidden ? "show" : "hide";
    return h(
      "span",
      { class: "buttons" },
      h(
        "button",
        {
          type: "button",
          class: "small",
          "aria-label": `${what} ${row.name}`,
          "data-part": "hide",
          click: () => void this.#change(what, row),
        },
        what,
      ),
      h(
        "button",
        {
          type: "button",
          class: "small",
          "aria-label": `delete ${row.name}`,
          "data-part": "delete",
          click: () => this.#dialog.ask(row),
        },
        "delete",
      ),
    );
  }

  async #change(what: "hide" | "show" | "delete", { name }: RunRow): Promise<void> {
    try {
      await change(what, name, this.#token!);
      show(this.#problem, false);
      await this.#refresh();
    } catch (error) {
      this.#tell(`${name}: ${error instanceof Error ? error.message : error}`);
    }
  }

  #tell(text: string): void {
    setText(this.#problem, text);
    show(this.#problem, true);
  }
}

/** Sorted from a to z at first; numbers from the greatest. */
const TEXTS: ReadonlySet<Key> = new Set(["name", "state", "model", "dataset", "recipe_sha256"]);
