/** Checkpoints on disk: whole or not there at all, whatever happens while they are written. */
import { access, mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { messageOf, UsageError } from "../errors.js";
import { FileWriter, type NewFile } from "./file-writer.js";
import { contentsOf, FILES, manifestOf } from "./format.js";
import { loadCheckpoint } from "./load.js";
import { encodeSafetensors } from "./safetensors.js";
import type { Snapshot } from "./snapshot.js";
import { syncDirectory, writeSynced } from "./synced.js";
import { notWritten } from "./unwritten.js";

export interface Saved {
  path: string;
  sizeBytes: number;
}
export interface Loaded {
  snapshot: Snapshot;
  path: string;
  /** Newer ones that did not verify, newest first, with the reason. */
  passedOver: { path: string; reason: string }[];
}

/** Whoever writes: the run that holds the folder. */
export interface Writer {
  /** Names its unfinished checkpoints, so that no other writer takes them for its own. */
  id: string;
  /** Throws once another run holds the folder. */
  assertHeld(): void;
}

/** A folder that nobody else can hold. */
const ALONE: Writer = { id: "alone", assertHeld() {} };

/** A checkpoint that its successor of the same step is about to replace; it counts until that one is in its place. */
const REPLACED = ".old";
/** Names of whole checkpoints, also of one that is being replaced. */
const CHECKPOINT = /^step-\d+(\.old)?$/;
/** Names of checkpoints that are being written: with their writer's id, which older versions did not give. */
const UNFINISHED = /^step-\d+(\.[\w-]+)?\.tmp$/;

export class CheckpointStore {
  readonly #dir: string;
  readonly #keep: number;
  readonly #writer: Writer;
  readonly #files = new FileWriter();

  /** `runDir/checkpoints`; keeps the `keep` newest, and the best by accuracy. */
  constructor(runDir: string, keep: number, writer: Writer = ALONE) {
    this.#writer = writer;
    this.#dir = join(runDir, "checkpoints");
    this.#keep = keep;
  }

  /**
   * Writes a copy of the snapshot: once `read` is called, its arrays may change. Files are synced before the folder takes
   * its final name, and only then may an older checkpoint go. CnnDistError `disk-full` or `checkpoint` when it cannot be
   * written; the older ones stand. What the writer's `assertHeld` throws ends it at once: nothing is put in place, removed
   * or cleaned up in a folder that is another run's.
   */
  async save(snapshot: Snapshot, read: () => void = () => {}): Promise<Saved> {
    const path = join(this.#dir, nameOf(snapshot.step));
    const temporary = `${path}.${this.#writer.id}.tmp`;
    this.#writer.assertHeld();
    try {
      await rm(temporary, { recursive: true, force: true });
      await mkdir(this.#dir).catch(unless("EEXIST")); // of a run's folder that is gone, nothing is made
      await mkdir(temporary);
      const sizeBytes = await this.#write(temporary, snapshot, read);
      await this.#putInPlace(temporary, path);
      await this.#prune(snapshot);
      return { path, sizeBytes };
    } catch (error) {
      this.#writer.assertHeld();
      await rm(temporary, { recursive: true, force: true }).catch(() => {});
      throw notWritten(error, snapshot.step, path);
    }
  }

  /** Ends what still writes. */
  close(): void {
    this.#files.close();
  }

  async #write(dir: string, snapshot: Snapshot, read: () => void): Promise<number> {
    const files = await this.#files.write(dir, filesOf(snapshot), read);
    const manifest = await writeSynced(join(dir, FILES.manifest), jsonOf(manifestOf(files)));
    await syncDirectory(dir);
    return Object.values(files).reduce((sum, { bytes }) => sum + bytes, manifest.byteLength);
  }

  /** Paths of the checkpoints there are, oldest first, whether they verify or not. */
  async list(): Promise<string[]> {
    return (await this.#names()).filter((name) => /^step-\d+$/.test(name)).map((name) => join(this.#dir, name));
  }

  /** Whether no checkpoint was ever written whole, sound or damaged. */
  async isEmpty(): Promise<boolean> {
    return !(await this.#names()).some((name) => CHECKPOINT.test(name));
  }

  /** Removes what a killed run left half-written, and finishes or takes back what it was about to replace. */
  async sweep(): Promise<void> {
    for (const name of await this.#names()) {
      const path = join(this.#dir, name);
      if (UNFINISHED.test(name)) await rm(path, { recursive: true, force: true });
      if (/^step-\d+\.old$/.test(name)) await takeBack(path);
    }
  }

  /** The newest that verifies. UsageError when there is none. */
  async loadNewest(): Promise<Loaded> {
    const passedOver: Loaded["passedOver"] = [];
    // Of one step, what replaces comes before what it replaces.
    const found = (await this.#names()).filter((name) => CHECKPOINT.test(name)).reverse();
    for (const path of found.map((name) => join(this.#dir, name))) {
      try {
        const snapshot = await loadCheckpoint(path);
        return { snapshot, path: join(this.#dir, nameOf(snapshot.step)), passedOver };
      } catch (error) {
        passedOver.push({ path, reason: messageOf(error) });
      }
    }
    const seen =
      passedOver.length === 0 ? "it holds none" : passedOver.map(({ path, reason }) => `${path}: ${reason}`).join("; ");
    throw new UsageError(
      "no-checkpoint",
      `${this.#dir} has no valid checkpoint: ${seen}. Put an intact copy there, or start a new run in another folder.`,
    );
  }

  /** By step; `….old` before the one of that step. Empty when there is no such folder. */
  async #names(): Promise<string[]> {
    const names = await readdir(this.#dir).catch(() => []);
    return names.sort((a, b) => stepOf(a) - stepOf(b) || b.length - a.length);
  }

  /** A folder can't be renamed over another, so one of the same step (saved again since it was evaluated) steps aside. */
  async #putInPlace(temporary: string, path: string): Promise<void> {
    const old = path + REPLACED;
    this.#writer.assertHeld();
    await takeBack(old);
    await rename(path, old).catch(unless("ENOENT"));
    try {
      await rename(temporary, path);
    } catch (error) {
      this.#writer.assertHeld();
      // A file server may say that a rename failed which it made, when its first answer was lost.
      if (!(await exists(path)) || (await exists(temporary))) {
        await takeBack(old);
        throw error;
      }
    }
    await syncDirectory(this.#dir);
    await syncDirectory(dirname(this.#dir));
    await this.#remove(old);
  }

  /** Only those up to this step are counted: newer ones were passed over when the run was resumed, and may be damaged. */
  async #prune({ step, best }: Snapshot): Promise<void> {
    const paths = (await this.list()).filter((path) => stepOf(basename(path)) <= step);
    const kept = new Set(paths.slice(-this.#keep));
    if (best !== null) kept.add(join(this.#dir, nameOf(best.step)));
    for (const path of paths) if (!kept.has(path)) await this.#remove(path);
  }

  /** What can't be removed now (a file still open over NFS) is no reason to end a training: the next save tries again. */
  async #remove(path: string): Promise<void> {
    this.#writer.assertHeld();
    await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

/** `….old` gets its name back if its successor didn't arrive, and goes if it did. */
async function takeBack(old: string): Promise<void> {
  const path = old.slice(0, -REPLACED.length);
  if (await exists(path)) await rm(old, { recursive: true, force: true });
  else await rename(old, path).catch(unless("ENOENT"));
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function unless(code: string) {
  return (error: NodeJS.ErrnoException): void => {
    if (error.code !== code) throw error;
  };
}

/** Where a run keeps the checkpoint of a step. */
export function checkpointPath(runDir: string, step: number): string {
  return join(runDir, "checkpoints", nameOf(step));
}

function nameOf(step: number): string {
  return `step-${String(step).padStart(8, "0")}`;
}

function stepOf(name: string): number {
  return Number.parseInt(name.slice("step-".length), 10) || 0;
}

/** All but the manifest. */
function filesOf(snapshot: Snapshot): NewFile[] {
  const { weights, optimizer, ema, residuals, state } = contentsOf(snapshot);
  return [
    { name: FILES.weights, pieces: encodeSafetensors(weights) },
    { name: FILES.optimizer, pieces: encodeSafetensors(optimizer) },
    ...(ema ? [{ name: FILES.ema, pieces: encodeSafetensors(ema) }] : []),
    ...(residuals ? [{ name: FILES.residuals, pieces: encodeSafetensors(residuals) }] : []),
    { name: FILES.state, pieces: [jsonOf(state)] },
  ];
}

function jsonOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}
