/** A folder of runs for its page: what it asks for often is not looked for anew each time. */
import { join } from "node:path";
import { UNWRITTEN } from "../config/recipe.js";
import { FOLDER_LOOK_MS } from "../config/time-limits.js";
import { compareRuns } from "../runs/compare.js";
import { deleteRun } from "../runs/delete.js";
import { setHidden } from "../runs/hidden.js";
import { findRuns, readRun } from "../runs/list.js";
import type { RunComparison, RunsList } from "../runs/types.js";

export class RunsFolder {
  readonly #dir: string;
  readonly #cacheDir: string;
  readonly #now: () => number;
  #looking: Promise<RunsList> | null = null;
  #found: { list: RunsList; ms: number } | null = null;
  /** Grows with each change made here: what was begun to be listed before is old. */
  #changes = 0;

  /** `now`: milliseconds. */
  constructor(dir: string, cacheDir: string, now: () => number) {
    this.#dir = dir;
    this.#cacheDir = cacheDir;
    this.#now = now;
  }

  /** As it was a moment ago at most; one look at a time. UsageError `run-dir` where it is no folder of runs. */
  async list(): Promise<RunsList> {
    if (this.#found !== null && this.#now() - this.#found.ms <= FOLDER_LOOK_MS) return this.#found.list;
    this.#looking ??= this.#look();
    return await this.#looking;
  }

  async #look(): Promise<RunsList> {
    const changes = this.#changes;
    try {
      const { list } = await findRuns(this.#dir, this.#cacheDir);
      if (changes === this.#changes) this.#found = { list, ms: this.#now() };
      return list;
    } finally {
      if (changes === this.#changes) this.#looking = null;
    }
  }

  #changed(): void {
    this.#changes++;
    this.#found = null;
    this.#looking = null;
  }

  /** Null: there is none of that name. A name may come from anybody: only one that the folder has becomes a path. */
  async pathOf(name: string): Promise<string | null> {
    const { runs } = await this.list();
    return runs.find((row) => row.name === name)?.path ?? null;
  }

  compare(paths: readonly string[]): RunComparison {
    return compareRuns(paths.map(readRun), UNWRITTEN);
  }

  async hide(name: string, hidden: boolean): Promise<void> {
    const { dir } = await this.list();
    setHidden(dir, name, hidden);
    this.#changed();
  }

  /** UsageError `run-dir-in-use` while the run is written. */
  async remove(name: string): Promise<void> {
    const { dir } = await this.list();
    try {
      deleteRun(join(dir, name));
    } finally {
      this.#changed();
    }
  }
}
