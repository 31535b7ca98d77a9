/** The runs of a folder, live and past. */
import { lstatSync, readdirSync, readFileSync, realpathSync, type Stats, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { messageOf, UsageError } from "../errors.js";
import { bytes } from "../format.js";
import { isLocked } from "../lock/lock.js";
import { type Machine, thisMachine } from "../lock/lock-holder.js";
import { type Cache, type Known, readCache, writeCache } from "./cache.js";
import { hiddenFile, readHidden } from "./hidden.js";
import { isSame, readRecords, stampOf } from "./read.js";
import { noRecords, secondsOf } from "./records.js";
import type { PassedOver, RunRow, RunStatus, RunsList } from "./types.js";

/** A run, and its recipe as it is written. */
export interface FoundRun {
  row: RunRow;
  recipe: Readonly<Record<string, unknown>>;
}

/** Recipes have some kilobytes. */
const MOST_RECIPE_BYTES = 1_000_000;
/** Others have their turn after so long. */
const TURN_MS = 20;

/**
 * Looks at each folder in `dir`; what was read before and has not changed is not read again. Whatever is no run, or cannot be
 * read, is passed over with the reason. UsageError `run-dir` where `dir` itself is not a folder of runs.
 */
export async function findRuns(
  dir: string,
  cacheDir: string,
): Promise<{ list: RunsList; found: ReadonlyMap<string, FoundRun> }> {
  const root = folderOf(dir);
  const names = readdirSync(root)
    .filter((name) => !name.startsWith("."))
    .sort();
  const before = readCache(root, cacheDir);
  const after: Cache = new Map();
  const { names: hidden, warning } = readHidden(root);
  const passedOver: PassedOver[] = warning === null ? [] : [{ path: hiddenFile(root), reason: warning }];
  const found = new Map<string, FoundRun>();
  const machine = thisMachine();
  let lastTurn = performance.now();
  for (const { name, path, reason } of foldersOf(root, names)) {
    if (reason !== null) {
      passedOver.push({ path, reason });
      continue;
    }
    try {
      const known = look(path, before.get(name) ?? null);
      after.set(name, known.known);
      found.set(name, { row: rowOf(name, path, known, hidden.has(name), machine), recipe: known.recipe });
    } catch (error) {
      passedOver.push({ path, reason: reasonOf(error) });
    }
    if (performance.now() - lastTurn < TURN_MS) continue;
    await turn();
    lastTurn = performance.now();
  }
  if (isChanged(before, after)) writeCache(root, cacheDir, after);
  const runs = [...found.values()].map(({ row }) => row).sort((a, b) => (b.started ?? 0) - (a.started ?? 0));
  return { list: { dir: root, runs, passed_over: passedOver }, found };
}

/** Whether a process that lives, as far as it can be told from here, writes the run. */
export function isLive(runDir: string): boolean {
  return isLocked(join(runDir, "lock"), thisMachine(), Date.now());
}

/** One run by itself. Throws Error with the reason where it is none. */
export function readRun(path: string): FoundRun {
  const looked = look(path, null);
  return { row: rowOf(basename(path), path, looked, false, thisMachine()), recipe: looked.recipe };
}

function folderOf(dir: string): string {
  const path = resolve(dir);
  try {
    if (!statSync(path).isDirectory()) throw new Error("it is not a folder");
    const root = realpathSync(path);
    if (!readdirSync(root).includes("recipe.json")) return root;
    throw new Error(`it is a run itself; give the folder that it lies in (${resolve(root, "..")})`);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new UsageError(
      "run-dir",
      missing
        ? `${path} does not exist. Runs lie in "runs" of the folder in which they were started, or where --run-dir put them; name that folder.`
        : `${path} cannot be listed: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}

/** Each folder once, links followed; plain files are none of ours. */
function foldersOf(root: string, names: readonly string[]): { name: string; path: string; reason: string | null }[] {
  const seen = new Map<string, string>();
  const links = new Set(
    names.filter((name) => lstatSync(join(root, name), { throwIfNoEntry: false })?.isSymbolicLink()),
  );
  // Folders before links, so that a run has its own name.
  const ordered = [...names].sort((a, b) => Number(links.has(a)) - Number(links.has(b)));
  return ordered.flatMap((name) => {
    const path = join(root, name);
    try {
      if (!statSync(path).isDirectory()) return [];
      const real = realpathSync(path);
      const first = seen.get(real);
      seen.set(real, first ?? name);
      return [{ name, path, reason: first === undefined ? null : `it is the same folder as ${first}` }];
    } catch (error) {
      return [{ name, path, reason: reasonOf(error) }];
    }
  });
}

interface Looked {
  known: Known;
  recipe: Readonly<Record<string, unknown>>;
  warnings: readonly string[];
}

function look(path: string, before: Known | null): Looked {
  const recipe = readRecipe(join(path, "recipe.json"), before?.recipe ?? null);
  const file = join(path, "metrics.jsonl");
  const stats = statSync(file, { throwIfNoEntry: false });
  if (!stats) return { known: { recipe, records: null }, recipe: recipe.value, warnings: [] };
  try {
    assertPlain(stats, "metrics.jsonl");
    const records = readRecords(file, before?.records ?? null);
    const { damaged } = records.records;
    const warnings = damaged === 0 ? [] : [`${file}: lines that cannot be read, and were passed over: ${damaged}`];
    return { known: { recipe, records }, recipe: recipe.value, warnings };
  } catch (error) {
    return { known: { recipe, records: null }, recipe: recipe.value, warnings: [`${file}: ${reasonOf(error)}`] };
  }
}

/** A pipe would be waited for. */
function assertPlain(stats: Stats, name: string): void {
  if (!stats.isFile()) throw new Error(`its ${name} is a folder, a pipe or a device, where a file was expected`);
}

/** As it is written: a recipe of a newer version has keys that this one does not know. */
function readRecipe(path: string, before: Known["recipe"]): NonNullable<Known["recipe"]> {
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    const entries = readdirSync(join(path, "..")).length;
    throw new Error(entries === 0 ? "it is empty" : "it is not the folder of a run: it has no recipe.json");
  }
  assertPlain(stats, "recipe.json");
  if (stats.size > MOST_RECIPE_BYTES) throw new Error(`its recipe.json is no recipe: it has ${bytes(stats.size)}`);
  const stamp = stampOf(stats);
  if (before && isSame(before.stamp, stamp)) return before;
  const text = readFileSync(path, "utf8");
  const value = ((): unknown => {
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new Error(`its recipe.json is damaged: ${messageOf(error)}`);
    }
  })();
  const recipe = value as Record<string, unknown>;
  if (
    typeof value !== "object" ||
    value === null ||
    typeof recipe.model !== "string" ||
    typeof recipe.dataset !== "string"
  )
    throw new Error("its recipe.json is not a recipe: it names no model and no dataset");
  return { stamp, value: recipe };
}

function rowOf(
  name: string,
  path: string,
  { known, recipe, warnings }: Looked,
  hidden: boolean,
  machine: Machine,
): RunRow {
  const records = known.records?.records ?? noRecords();
  const live = isLocked(join(path, "lock"), machine, Date.now());
  const told: RunStatus = records.end ?? (records.updated === null && records.step === 0 ? "new" : "killed");
  const state = live ? "live" : told;
  return {
    name,
    path,
    state,
    model: basename(String(recipe.model)),
    dataset: String(recipe.dataset),
    recipe_sha256: records.recipeSha256,
    weights_sha256: live ? null : records.weightsSha256,
    started: records.started,
    updated: records.updated,
    duration_seconds: secondsOf(records),
    step: records.step,
    steps: records.steps,
    epoch: records.stepsPerEpoch ? records.step / records.stepsPerEpoch : null,
    loss: records.loss,
    accuracy: records.accuracy,
    best_accuracy: records.bestAccuracy,
    samples_per_second: records.stepSeconds > 0 ? records.samples / records.stepSeconds : null,
    workers: records.workers,
    failure: state === "failed" ? records.failure : null,
    held_back: records.heldBack,
    page_url: live ? records.pageUrl : null,
    hidden,
    warnings,
  };
}

function isChanged(before: Cache, after: Cache): boolean {
  if (before.size !== after.size) return true;
  for (const [name, { recipe, records }] of after) {
    const old = before.get(name);
    if (old === undefined || old.recipe !== recipe || old.records !== records) return true;
  }
  return false;
}

function reasonOf(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case "ELOOP":
      return "it is a link that leads in a circle";
    case "ENOENT":
      return "it is a link to something that does not exist";
    case "EACCES":
    case "EPERM":
      return `it cannot be read: ${messageOf(error)}`;
    default:
      return messageOf(error);
  }
}
