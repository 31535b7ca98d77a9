/** A run on one page: what was planned, what happened, what came out of it. Pure. */
import type { Fingerprint } from "../config/fingerprint.js";
import type { WrittenRecipe } from "../config/recipe.js";
import { bytes, count, percent, plural } from "../format.js";
import type { Drawing } from "../pictures/drawing.js";
import { svgOf } from "../pictures/svg.js";
import { duration, rate } from "../terminal/format.js";
import { planLines } from "../terminal/plan.js";
import { bestOf, type RunState } from "../web/state/run-state.js";
import { code, facts, figure, type Html, html, page, paragraph, section, table, text } from "./html.js";

export interface ReportFacts {
  runDir: string;
  state: RunState;
  /** What the recipe would be, had only its network been named; null: of a model of the user's own. */
  usual: WrittenRecipe | null;
  curves: Drawing;
  /** Of a checkpoint, in their order; `why`: those that could not be drawn. */
  pictures: { of: string; drawn: readonly Drawing[]; why: readonly string[] };
  /** Of the images that the pictures are of; null where they were not judged. */
  classes: readonly { name: string; images: number; hits: number; accuracy: number | null }[] | null;
  /** Of the newest checkpoint. */
  fingerprint: Fingerprint | null;
  checkpoints: readonly CheckpointFacts[];
  version: string;
  now: Date;
}

export interface CheckpointFacts {
  step: number;
  sizeBytes: number;
  path: string;
  /** Of its weights.safetensors; null: it is not there any more. */
  sha256: string | null;
}

/** Rows of a table that says how a run went; of more, the last ones. */
const MOST_ROWS = 100;
const MOST_CLASSES = 200;

export function reportHtml(given: ReportFacts): string {
  const { state, runDir, version, now } = given;
  const { plan } = state;
  const title = plan === null ? `Run ${runDir}` : `${plan.model} on ${plan.dataset.name}`;
  const body = [
    `<h1>${text(title)}</h1><p class="muted">${text(`${endOf(state)} · ${runDir}`)}</p>\n`,
    keyFigures(state),
    section("Training", state.done?.held_back ? paragraph(state.done.held_back) : null, figure(sized(given.curves))),
    evaluation(given),
    section(
      "Pictures",
      paragraph(given.pictures.of),
      ...given.pictures.why.map(paragraph),
      ...given.pictures.drawn.map((drawing) => figure(sized(drawing))),
    ),
    section("Plan", plan && facts(planLines(plan))),
    section("Recipe", ...recipe(given)),
    workers(state),
    checkpoints(given),
    section("Hashes", hashes(given)),
    section("Messages", messages(state)),
    `<footer><p class="muted">${text(`cnn-dist ${version}, ${now.toISOString().slice(0, 16).replace("T", " ")} UTC`)}</p></footer>\n`,
  ];
  return page(`${title} · cnn-dist`, body.join(""));
}

function sized(drawing: Drawing): string {
  return svgOf(drawing, { standalone: false }).replace(
    "<svg ",
    `<svg width="${drawing.width}" height="${drawing.height}" `,
  );
}

function endOf({ done, last, plan }: RunState): string {
  const step = last?.step ?? plan?.start_step ?? 0;
  const of = plan === null ? "" : ` of ${count(plan.steps)}`;
  if (done === null) return `not ended, or ended without a word: step ${count(step)}${of}`;
  return `${done.event} after step ${count(done.step)}${of}`;
}

function keyFigures({ done, tests, last, seconds, plan }: RunState): string {
  const best = bestOf(tests);
  const newest = tests.at(-1);
  const figures: readonly (readonly [string, string] | null)[] = [
    newest ? ["test accuracy", percent(newest.accuracy)] : null,
    best ? [`best, after step ${count(best.step)}`, percent(best.accuracy)] : null,
    newest ? ["test loss", newest.loss.toFixed(4)] : null,
    last ? ["training loss", last.loss.toFixed(4)] : null,
    ["training time", duration(seconds)],
    done && done.samples_per_second > 0 ? ["speed", rate(done.samples_per_second)] : null,
    plan ? ["workers", count(plan.workers)] : null,
  ];
  const shown = figures.filter((each) => each !== null);
  return `<div class="key">${shown.map(([name, value]) => `<div><b>${text(value)}</b><span class="muted">${text(name)}</span></div>`).join("")}</div>\n`;
}

function evaluation({ state: { tests }, classes }: ReportFacts): string {
  const best = bestOf(tests);
  const rows = tests
    .slice(-MOST_ROWS)
    .map((test) => [
      count(test.epoch + 1),
      count(test.step),
      test.loss.toFixed(4),
      `${percent(test.accuracy)}${test === best ? " (best)" : ""}`,
      test.weights === "ema" ? "moving average" : "weights",
    ]);
  const order = classes?.toSorted((a, b) => (a.accuracy ?? 2) - (b.accuracy ?? 2)).slice(0, MOST_CLASSES);
  return section(
    "Evaluation",
    rows.length === 0 ? paragraph("The test set was not evaluated.") : null,
    table(["epoch", "step", "loss", "accuracy", "of"], rows, [0, 1, 2, 3]),
    order ? html("<h3>Classes, the hardest first</h3>") : null,
    table(
      ["class", "images", "right", "accuracy"],
      (order ?? []).map(({ name, images, hits, accuracy }) => [
        name,
        count(images),
        count(hits),
        accuracy === null ? "" : percent(accuracy),
      ]),
      [1, 2, 3],
    ),
  );
}

function recipe({ state: { plan }, usual }: ReportFacts): (Html | null)[] {
  if (plan === null) return [];
  const word = (value: unknown) => (typeof value === "string" ? value : (JSON.stringify(value) ?? "not used"));
  const rows = Object.entries(plan.recipe).map(([key, value]) => {
    const before = usual === null ? undefined : usual[key as keyof WrittenRecipe];
    const known = key !== "datasetSha256" && usual !== null; // the data's hash is known once they were read
    return { key, value: word(value), before: word(before), differs: known && word(before) !== word(value) };
  });
  const own = rows.filter(({ differs }) => differs);
  const rest = rows.filter(({ differs }) => !differs);
  return [
    usual === null
      ? null
      : paragraph(
          own.length === 0
            ? `As ${plan.model} is trained when nothing else is said.`
            : `What differs from how ${plan.model} is trained when nothing else is said:`,
        ),
    table(
      ["key", "here", "else"],
      own.map(({ key, value, before }) => [code(key), value, before]),
    ),
    own.length === 0 ? null : html("<h3>The rest</h3>"),
    table(
      ["key", "value"],
      rest.map(({ key, value }) => [code(key), value]),
    ),
  ];
}

function workers({ team, lives }: RunState): string {
  const seconds = (value: number | null) => (value === null ? "" : duration(value));
  const begun = lives
    .slice(1)
    .map(({ time, step, rollback }) => [
      timeOf(time),
      count(step),
      rollback === undefined ? "resumed" : `went back: ${rollback}`,
    ]);
  return section(
    "Workers",
    table(
      ["rank", "device", "started again", "last state"],
      team.workers.map(({ rank, device, restarts, state }) => [count(rank), device, plural(restarts, "time"), state]),
      [0],
    ),
    paragraph(
      team.lost.length === 0
        ? "No worker was lost."
        : `${plural(team.lost.length, "worker was", "workers were")} lost, and what each loss cost:`,
    ),
    table(
      ["when", "rank", "after step", "why", "noticed after", "shards computed again", "longer step", "away"],
      team.lost.map((lost) => [
        timeOf(lost.time),
        count(lost.rank),
        count(lost.step),
        `${lost.reason}${lost.detail === "" ? "" : `: ${lost.detail}`}`,
        seconds(lost.detectionSeconds),
        count(lost.reassigned),
        seconds(lost.extraSeconds),
        seconds(lost.awaySeconds),
      ]),
      [1, 2, 4, 5, 6, 7],
    ),
    begun.length === 0 ? null : html("<h3>Beginnings after the first</h3>"),
    table(["when", "after step", "how"], begun, [1]),
  );
}

function checkpoints({ checkpoints }: ReportFacts): string {
  const there = checkpoints.filter(({ sha256 }) => sha256 !== null);
  const removed = checkpoints.length - there.length;
  return section(
    "Checkpoints",
    checkpoints.length === 0 ? paragraph("None was written.") : null,
    removed === 0 ? null : paragraph(`${plural(removed, "more was", "more were")} written, and removed since.`),
    table(
      ["step", "size", "folder", "SHA-256 of weights.safetensors as written"],
      there
        .slice(-MOST_ROWS)
        .map(({ step, sizeBytes, path, sha256 }) => [count(step), bytes(sizeBytes), code(path), code(sha256!)]),
      [0, 1],
    ),
  );
}

function hashes({ state: { plan, done }, fingerprint }: ReportFacts): Html | null {
  return facts([
    plan && ["recipe_sha256", code(done?.recipe_sha256 ?? plan.recipe_sha256)],
    done?.weights_sha256 ? ["weights_sha256", code(done.weights_sha256)] : null,
    done?.ema_sha256 ? ["ema_sha256", code(done.ema_sha256)] : null,
    plan && [`data (${plan.dataset.name})`, code(plan.dataset.sha256)],
    ...Object.entries(fingerprint ?? {}).map(([key, value]) => [`engine: ${key}`, String(value)] as const),
  ]);
}

function messages({ messages }: RunState): Html | null {
  return table(
    ["when", "", "message"],
    messages.map(({ time, level, message }) => [timeOf(time), level, message]),
  );
}

function timeOf(time: number | null): string {
  return time === null ? "" : `${new Date(time * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
