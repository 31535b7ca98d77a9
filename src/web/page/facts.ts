/** What does not change while a run trains: plan, recipe, hashes; and its checkpoints. */
import type { CheckpointEvent, PlanEvent } from "../../events.js";
import { bytes, count, plural } from "../../format.js";
import { planLines } from "../../terminal/plan.js";
import type { RunState } from "../state/run-state.js";
import { copyButton, h, section, setText, show } from "./dom.js";
import { basename } from "./paths.js";
import { type Column, Table } from "./table.js";
import { clock, seconds } from "./words.js";

const CHECKPOINT_COLUMNS: readonly Column[] = [
  { title: "step", numeric: true },
  { title: "size", numeric: true },
  { title: "written in", numeric: true },
  { title: "folder", wide: true },
];
/** More of them would push what comes after far down. */
const SHOWN_CHECKPOINTS = 5;

type Usual = Readonly<Record<string, unknown>> | null;

export class FactsView {
  readonly element: HTMLElement;
  readonly #plan = h("dl", { class: "facts" });
  readonly #hashes = new Hashes();
  readonly #differs = new Table("recipe", [
    { title: "key" },
    { title: "this run", wide: true },
    { title: "usual", wide: true },
  ]);
  readonly #rest = new Table("the rest of the recipe", [{ title: "key" }, { title: "value", wide: true }]);
  readonly #compared = h("p");
  readonly #restTitle = h("summary");
  readonly #checkpoints = new Table("checkpoints", CHECKPOINT_COLUMNS);
  readonly #older = new Table("older checkpoints", CHECKPOINT_COLUMNS);
  readonly #olderTitle = h("summary");
  readonly #olderBox = h("details", { hidden: true }, this.#olderTitle, this.#older.element);
  readonly #noCheckpoint = h("p", {}, "No checkpoint was written yet.");
  readonly #lives = h("ul");
  readonly #usual: () => Promise<Usual>;
  #shownPlan: PlanEvent | null = null;

  /** `usual`: the recipe as it would be, had nothing been said but its model. */
  constructor(usual: () => Promise<Usual>) {
    this.#usual = usual;
    this.element = h(
      "div",
      {},
      section("Checkpoints", "checkpoints", this.#noCheckpoint, this.#checkpoints.element, this.#olderBox),
      section("Plan", "plan", this.#plan, this.#lives),
      section(
        "Recipe",
        "recipe",
        this.#hashes.element,
        this.#compared,
        this.#differs.element,
        h("details", {}, this.#restTitle, this.#rest.element),
      ),
    );
  }

  show(state: RunState): void {
    const { plan, checkpoints, lives } = state;
    show(this.#noCheckpoint, checkpoints.length === 0);
    show(this.#checkpoints.element, checkpoints.length > 0);
    const newest = [...checkpoints].reverse();
    const older = newest.slice(SHOWN_CHECKPOINTS);
    this.#checkpoints.show(newest.slice(0, SHOWN_CHECKPOINTS).map(checkpointCells));
    this.#older.show(older.map(checkpointCells));
    show(this.#olderBox, older.length > 0);
    setText(this.#olderTitle, `${count(older.length)} older; how many of them stay is --keep-checkpoints' matter`);
    this.#hashes.show(state);
    const now = new Date();
    const told = lives
      .slice(1)
      .map(({ time, step, rollback }) =>
        rollback === undefined
          ? `${clock(time, now)} resumed after step ${count(step)}`
          : `${clock(time, now)} went back to step ${count(step)}: ${rollback}`,
      );
    if (this.#lives.children.length !== told.length)
      this.#lives.replaceChildren(...told.map((text) => h("li", {}, text)));
    if (plan !== null && plan !== this.#shownPlan) this.#showPlan(plan);
  }

  #showPlan(plan: PlanEvent): void {
    this.#shownPlan = plan;
    const lines = [...planLines(plan), ...plan.warnings.map((text): [string, string] => ["warning", text])];
    this.#plan.replaceChildren(...lines.flatMap(([label, text]) => [h("dt", {}, label), h("dd", {}, text)]));
    const ask = async () => {
      const usual = await this.#usual().catch(() => null);
      if (plan === this.#shownPlan) this.#showRecipe(plan, usual);
    };
    void ask();
  }

  #showRecipe({ recipe, model }: PlanEvent, usual: Usual): void {
    const written: Readonly<Record<string, unknown>> = recipe;
    const keys = [...new Set([...Object.keys(written), ...Object.keys(usual ?? {})])];
    const differing =
      usual === null ? [] : keys.filter((key) => !MADE_KNOWN.has(key) && text(written[key]) !== text(usual[key]));
    setText(
      this.#compared,
      usual === null
        ? "There is no usual recipe to compare this one with."
        : differing.length === 0
          ? `This is ${model}'s usual recipe.`
          : `${plural(differing.length, "key")} ${differing.length === 1 ? "differs" : "differ"} from ${model}'s usual recipe:`,
    );
    show(this.#differs.element, differing.length > 0);
    this.#differs.show(differing.map((key) => [key, text(written[key]), text(usual?.[key])]));
    const rest = keys.filter((key) => !differing.includes(key));
    setText(this.#restTitle, usual === null ? "all keys" : `${plural(rest.length, "key")} as usual`);
    this.#rest.show(rest.map((key) => [key, text(written[key])]));
  }
}

function checkpointCells({ step, size_bytes, duration_seconds, path }: CheckpointEvent): string[] {
  return [count(step), bytes(size_bytes), seconds(duration_seconds), basename(path)];
}

/** Worked out from the files, never chosen. */
const MADE_KNOWN: ReadonlySet<string> = new Set(["datasetSha256", "initWeightsSha256"]);

function text(value: unknown): string {
  return value === undefined || value === null
    ? "none"
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);
}

/** Recipe's and weights' hashes, each with a button. */
class Hashes {
  readonly element = h("dl", { class: "facts hashes" });
  readonly #known = new Map<string, HTMLElement>();

  show({ plan, done }: RunState): void {
    this.#set("recipe_sha256", done?.recipe_sha256 ?? plan?.recipe_sha256 ?? null);
    this.#set("weights_sha256", done?.weights_sha256 ?? null);
    this.#set("ema_sha256", done?.ema_sha256 ?? null);
  }

  #set(name: string, value: string | null): void {
    let code = this.#known.get(name);
    if (value === null && !code) return;
    if (!code) {
      code = h("code");
      const kept = code;
      this.#known.set(name, code);
      this.element.append(
        h("dt", {}, name),
        h(
          "dd",
          {},
          code,
          " ",
          copyButton(name, () => kept.textContent ?? ""),
        ),
      );
    }
    setText(code, value ?? "not known: the run goes on");
  }
}
