/** Checkpoints on disk: whole or not there at all, whatever happens while they are written. */
import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { CnnDistError, messageOf, UsageError } from "../errors.js";
import { contentsOf, FILES, type Manifest, manifestOf, manifestSchema, snapshotOf } from "./format.js";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.js";
import type { Snapshot } from "./snapshot.js";

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

export class CheckpointStore {
  readonly #dir: string;
  readonly #keep: number;

  /** `runDir/checkpoints`; keeps the `keep` newest, and the best by accuracy. */
  constructor(runDir: string, keep: number) {
    this.#dir = join(runDir, "checkpoints");
    this.#keep = keep;
  }

  /**
   * Writes the snapshot's arrays as they are when each file is written: they must not change until this resolves. Files
   * are synced before the folder takes its final name, and only then may an older checkpoint go.
   */
  async save(snapshot: Snapshot): Promise<Saved> {
    const path = join(this.#dir, nameOf(snapshot.step));
    const temporary = `${path}.tmp`;
    try {
      await rm(temporary, { recursive: true, force: true });
      await mkdir(temporary, { recursive: true });
      const sizeBytes = await writeContents(temporary, snapshot);
      await rm(path, { recursive: true, force: true }); // the same step again, evaluated since
      await rename(temporary, path);
      await syncDirectory(this.#dir);
      await this.#prune(snapshot.best?.step ?? null);
      return { path, sizeBytes };
    } catch (error) {
      await rm(temporary, { recursive: true, force: true }).catch(() => {});
      const full = (error as NodeJS.ErrnoException).code === "ENOSPC";
      throw new CnnDistError(
        full ? "disk-full" : "checkpoint",
        `step ${snapshot.step}: the checkpoint could not be written to ${path}: ${full ? "no space is left on the device" : messageOf(error)}. Older checkpoints are untouched; free some space and resume.`,
        { cause: error },
      );
    }
  }

  /** Paths of the checkpoints there are, oldest first, whether they verify or not. */
  async list(): Promise<string[]> {
    const names = await readdir(this.#dir).catch(() => []);
    return names
      .filter((name) => /^step-\d+$/.test(name))
      .sort((a, b) => stepOf(a) - stepOf(b))
      .map((name) => join(this.#dir, name));
  }

  /** Removes what a killed run left half-written. */
  async sweep(): Promise<void> {
    const names = await readdir(this.#dir).catch(() => []);
    for (const name of names)
      if (name.endsWith(".tmp")) await rm(join(this.#dir, name), { recursive: true, force: true });
  }

  /** The newest that verifies. UsageError when there is none. */
  async loadNewest(): Promise<Loaded> {
    const passedOver: Loaded["passedOver"] = [];
    for (const path of (await this.list()).reverse()) {
      try {
        return { snapshot: await loadCheckpoint(path), path, passedOver };
      } catch (error) {
        passedOver.push({ path, reason: messageOf(error) });
      }
    }
    const found =
      passedOver.length === 0 ? "it holds none" : passedOver.map(({ path, reason }) => `${path}: ${reason}`).join("; ");
    throw new UsageError(
      "no-checkpoint",
      `${this.#dir} has no valid checkpoint to resume from: ${found}. Start a new run with 'cnn-dist launch'.`,
    );
  }

  async #prune(bestStep: number | null): Promise<void> {
    const paths = await this.list();
    const kept = new Set(paths.slice(-this.#keep));
    if (bestStep !== null) kept.add(join(this.#dir, nameOf(bestStep)));
    for (const path of paths) if (!kept.has(path)) await rm(path, { recursive: true, force: true });
  }
}

function nameOf(step: number): string {
  return `step-${String(step).padStart(8, "0")}`;
}

function stepOf(name: string): number {
  return Number(name.slice("step-".length));
}

async function writeContents(dir: string, snapshot: Snapshot): Promise<number> {
  const { weights, optimizer, state } = contentsOf(snapshot);
  const json = (value: unknown) => [new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)];
  const files: Manifest["files"] = {};
  for (const [name, pieces] of [
    [FILES.weights, encodeSafetensors(weights)],
    [FILES.optimizer, encodeSafetensors(optimizer)],
    [FILES.state, json(state)],
  ] as const) {
    files[name] = await writeSynced(join(dir, name), pieces);
  }
  const manifest = await writeSynced(join(dir, FILES.manifest), json(manifestOf(files)));
  await syncDirectory(dir);
  return Object.values(files).reduce((sum, { bytes }) => sum + bytes, manifest.bytes);
}

async function writeSynced(path: string, pieces: readonly Uint8Array[]): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  await withFile(path, "w", async (file) => {
    for (const piece of pieces) {
      hash.update(piece);
      bytes += piece.byteLength;
      await file.writeFile(piece);
    }
    await file.sync();
  });
  return { bytes, sha256: hash.digest("hex") };
}

async function syncDirectory(path: string): Promise<void> {
  await withFile(path, "r", (file) => file.sync());
}

async function withFile(path: string, flags: string, use: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}

/** Reads and verifies one checkpoint; throws CnnDistError saying what is wrong with it. */
export async function loadCheckpoint(path: string): Promise<Snapshot> {
  const manifest = manifestSchema.safeParse(parseJson(FILES.manifest, await readPart(path, FILES.manifest)));
  if (!manifest.success) throw new CnnDistError("checkpoint", `${FILES.manifest} is not a manifest of this version`);
  const read = async (name: string) => {
    const listed = manifest.data.files[name];
    if (!listed) throw new CnnDistError("checkpoint", `${FILES.manifest} does not list ${name}`);
    const file = await readPart(path, name);
    if (file.byteLength !== listed.bytes)
      throw new CnnDistError("checkpoint", `${name} has ${file.byteLength} bytes, its manifest says ${listed.bytes}`);
    if (createHash("sha256").update(file).digest("hex") !== listed.sha256)
      throw new CnnDistError("checkpoint", `${name} does not have the SHA-256 that its manifest says`);
    return file;
  };
  const weights = decodeSafetensors(FILES.weights, await read(FILES.weights));
  const optimizer = decodeSafetensors(FILES.optimizer, await read(FILES.optimizer));
  return snapshotOf({ weights, optimizer, state: parseJson(FILES.state, await read(FILES.state)) });
}

async function readPart(path: string, name: string): Promise<Uint8Array> {
  try {
    return await readFile(join(path, name));
  } catch (error) {
    throw new CnnDistError("checkpoint", `${name} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function parseJson(name: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new CnnDistError("checkpoint", `${name} is not JSON`);
  }
}
