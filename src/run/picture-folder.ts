/** Where a run keeps its pictures: a folder for each step that is kept. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { PictureKind } from "../events.js";
import { makeFolder } from "../make-folder.js";

const FOLDER = "pictures";
const nameOf = (step: number) => `step-${String(step).padStart(8, "0")}`;

/** From the run's folder on. */
export function pictureFile(step: number, what: PictureKind): string {
  return `${FOLDER}/${nameOf(step)}/${what}.png`;
}

export class PictureFolder {
  readonly #path: string;
  readonly #assertHeld: () => void;

  /** `assertHeld` throws once another run holds the folder: nothing more is written or removed then. */
  constructor(runDir: string, assertHeld: () => void) {
    this.#path = join(runDir, FOLDER);
    this.#assertHeld = assertHeld;
    makeFolder(this.#path);
  }

  of(step: number): string {
    return join(this.#path, nameOf(step));
  }

  assertHeld(): void {
    this.#assertHeld();
  }

  /** Removes all others, and what a killed process left half made. */
  async keep(steps: readonly number[]): Promise<void> {
    const kept = new Set(steps.map(nameOf));
    for (const name of await readdir(this.#path)) {
      this.assertHeld();
      if (!kept.has(name)) await rm(join(this.#path, name), { recursive: true, force: true });
    }
  }
}
