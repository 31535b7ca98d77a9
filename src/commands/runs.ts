/** `cnn-dist runs`: the runs of a folder as a table, two of them side by side, and what becomes of old ones. */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline/promises";
import { z } from "zod";
import { EXIT, UsageError } from "../errors.js";
import { bytes, oneLine, plural } from "../format.js";
import { compareRuns, deleteRun } from "../library/runs.js";
import { cacheDirectory } from "../paths.js";
import { csvOf } from "../runs/csv.js";
import { deletable } from "../runs/delete.js";
import { setHidden } from "../runs/hidden.js";
import { findRuns } from "../runs/list.js";
import type { RunComparison } from "../runs/types.js";
import type { Io } from "./command.js";
import { filtered, SORT_KEYS, sorted, tableOf } from "./runs-table.js";
import { columns } from "./table.js";
import { flag, path } from "./values.js";
import { work } from "./work.js";

const ACTIONS = ["compare", "delete", "hide", "show"] as const;
type Action = (typeof ACTIONS)[number];
/** Where runs lie unless --run-dir says otherwise. */
const USUAL = "runs";

export const command = work(
  {
    what: path.default(USUAL),
    run: z.array(path).default([]),
    sort: z.enum(SORT_KEYS).default("started"),
    filter: z.array(z.string()).default([]),
    all: flag,
    csv: flag,
    yes: flag,
    json: flag,
  },
  async ({ what, run, ...options }, { io }) => {
    if (!isAction(what)) {
      if (run.length > 0)
        throw new UsageError("usage", `runs: one folder is listed at a time; received ${run.join(", ")} as well.`);
      await list(what, options, io);
      return EXIT.done;
    }
    const needed = what === "compare" ? 2 : 1;
    if (run.length < needed)
      throw new UsageError(
        "usage",
        `runs ${what}: ${needed === 1 ? "a run is" : "two runs are"} needed, by folder or by name in ./${USUAL}. 'cnn-dist runs' lists them.`,
      );
    const paths = run.map(folderOf);
    if (what === "compare") io.stdout.write(comparisonOf(await compareRuns(paths), options.json));
    else for (const each of paths) await change(what, each, options, io);
    return EXIT.done;
  },
);

const isAction = (word: string): word is Action => (ACTIONS as readonly string[]).includes(word);

function folderOf(word: string): string {
  const isRun = (path: string) => existsSync(join(path, "recipe.json"));
  return !isRun(word) && isRun(join(USUAL, word)) ? join(USUAL, word) : word;
}

interface ListOptions {
  sort: (typeof SORT_KEYS)[number];
  filter: readonly string[];
  all: boolean;
  csv: boolean;
  json: boolean;
}

async function list(dir: string, { sort, filter, all, csv, json }: ListOptions, io: Io): Promise<void> {
  if (json && csv) throw new UsageError("usage", "runs: --json and --csv exclude each other; give one of them.");
  const { list, found } = await findRuns(dir, cacheDirectory(io.env));
  const shown = list.runs.filter(({ hidden }) => all || !hidden);
  const runs = sorted(filtered(shown, filter, found), sort);
  for (const { path, reason } of list.passed_over)
    io.stderr.write(`${oneLine(path)} is passed over: ${oneLine(reason)}\n`);
  for (const { warnings } of runs) for (const warning of warnings) io.stderr.write(`${oneLine(warning)}\n`);
  if (json) return void io.stdout.write(runs.map((run) => `${JSON.stringify(run)}\n`).join(""));
  if (csv) return void io.stdout.write(csvOf(runs));
  const hidden = list.runs.length - shown.length;
  if (hidden > 0) io.stderr.write(`${plural(hidden, "run")} hidden; --all shows ${hidden === 1 ? "it" : "them"}\n`);
  if (runs.length > 0) io.stdout.write(tableOf(runs, io.stdout.columns ?? Number.POSITIVE_INFINITY));
  else io.stderr.write(filter.length > 0 ? `no run in ${list.dir} fits\n` : `no run in ${list.dir}\n`);
}

function comparisonOf(comparison: RunComparison, json: boolean): string {
  if (json) return `${JSON.stringify(comparison)}\n`;
  const { runs, differing, words } = comparison;
  const names = runs.map(({ name }) => name);
  const rows = differing.map(({ key, values }) => [
    key,
    ...values.map((value) => (value === null ? "-" : String(value))),
  ]);
  const ends = tableOf(runs, Number.POSITIVE_INFINITY);
  const keys = rows.length === 0 ? "" : `${columns(["key of the recipe", ...names], rows, [])}\n\n`;
  return `${ends}\n${keys}${words.map(oneLine).join("\n")}\n`;
}

async function change(
  action: Exclude<Action, "compare">,
  runDir: string,
  { yes, json }: { yes: boolean; json: boolean },
  io: Io,
): Promise<void> {
  if (action !== "delete") {
    if (!existsSync(join(runDir, "recipe.json")))
      throw new UsageError("run-dir", `${runDir} is not the folder of a run. 'cnn-dist runs' lists them.`);
    setHidden(dirname(runDir), basename(runDir), action === "hide");
    return void io.stderr.write(
      action === "hide" ? `${runDir} is hidden; 'cnn-dist runs --all' lists it\n` : `${runDir} is listed again\n`,
    );
  }
  const what = deletable(runDir);
  const size = `${plural(what.checkpoints, "checkpoint")}, ${bytes(what.sizeBytes)}`;
  const stays = what.foreign.length === 0 ? "" : ` What no run wrote stays there: ${what.foreign.join(", ")}.`;
  if (!yes && !(await agreed(`Delete ${what.path} (${size})?${stays} [y/N] `, io))) {
    return void io.stderr.write(`${what.path} is kept\n`);
  }
  const left = await deleteRun(runDir);
  if (json) io.stdout.write(`${JSON.stringify({ deleted: what.path, stays: left })}\n`);
  else io.stderr.write(`${what.path} is deleted${left.length === 0 ? "" : `; ${left.join(", ")} stays`}\n`);
}

/** UsageError where nobody can be asked. */
async function agreed(question: string, { stdin, stderr }: Io): Promise<boolean> {
  if (stdin === undefined || !(stdin as { isTTY?: boolean }).isTTY || !stderr.isTTY)
    throw new UsageError("usage", "runs delete: nobody can be asked here. Give --yes to delete without a question.");
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(question)).trim());
  } finally {
    lines.close();
  }
}
