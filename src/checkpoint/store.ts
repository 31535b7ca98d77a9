/** Checkpoints on disk: whole or not there at all, whatever happens while they are written. */
import { createHash } from "node:crypto";
import { access, type FileHandle, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
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
/** Files are written, hashed and read in pieces of this size, so that nothing else waits long meanwhile. */
const PIECE_BYTES = 8 * 1024 * 1024;
/** No space, and no space for this user. */
const FULL: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);

export class CheckpointStore {
  readonly #dir: string;
  readonly #keep: number;
  readonly #writer: Writer;

  /** `runDir/checkpoints`; keeps the `keep` newest, and the best by accuracy. */
  constructor(runDir: string, keep: number, writer: Writer = ALONE) {
    this.#writer = writer;
    this.#dir = join(runDir, "checkpoints");
    this.#keep = keep;
  }

  /**
   * Writes the snapshot's arrays as they are when each file is written: they must not change until this resolves. Files
   * are synced before the folder takes its final name, and only then may an older checkpoint go. CnnDistError
   * `disk-full` or `checkpoint` when it cannot be written; the older ones stand. What the writer's `assertHeld` throws
   * ends it at once: nothing is put in place, removed or cleaned up in a folder that is another run's.
   */
  async save(snapshot: Snapshot): Promise<Saved> {
    const path = join(this.#dir, nameOf(snapshot.step));
    const temporary = `${path}.${this.#writer.id}.tmp`;
    this.#writer.assertHeld();
    try {
      await rm(temporary, { recursive: true, force: true });
      await mkdir(temporary, { recursive: true });
      const sizeBytes = await writeContents(temporary, snapshot);
      await this.#putInPlace(temporary, path);
      await this.#prune(snapshot);
      return { path, sizeBytes };
    } catch (error) {
      this.#writer.assertHeld();
      await rm(temporary, { recursive: true, force: true }).catch(() => {});
      const full = FULL.has((error as NodeJS.ErrnoException).code);
      throw new CnnDistError(
        full ? "disk-full" : "checkpoint",
        `step ${snapshot.step}: the checkpoint could not be written to ${path}: ${full ? "no space is left on the device" : messageOf(error)}. Older checkpoints are untouched; free some space and resume.`,
        { cause: error },
      );
    }
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
    await rename(path, old).catch(unlessMissing);
    try {
      await rename(temporary, path);
    } catch (error) {
      this.#writer.assertHeld();
      await takeBack(old);
      throw error;
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
  else await rename(old, path).catch(unlessMissing);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
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

async function writeContents(dir: string, snapshot: Snapshot): Promise<number> {
  const { weights, optimizer, ema, residuals, state } = contentsOf(snapshot);
  const json = (value: unknown) => [new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)];
  const files: Manifest["files"] = {};
  for (const [name, pieces] of [
    [FILES.weights, encodeSafetensors(weights)],
    [FILES.optimizer, encodeSafetensors(optimizer)],
    ...(ema ? [[FILES.ema, encodeSafetensors(ema)] as const] : []),
    ...(residuals ? [[FILES.residuals, encodeSafetensors(residuals)] as const] : []),
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
    for (const whole of pieces) {
      for (let from = 0; from < whole.byteLength; from += PIECE_BYTES) {
        const piece = whole.subarray(from, from + PIECE_BYTES);
        hash.update(piece);
        await file.writeFile(piece);
      }
      bytes += whole.byteLength;
    }
    await file.sync();
  });
  return { bytes, sha256: hash.digest("hex") };
}

async function syncDirectory(path: string): Promise<void> {
  await withFile(path, "r", (file) => file.sync());
}

async function withFile<T>(path: string, flags: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** Reads and verifies one checkpoint; throws CnnDistError saying what is wrong with it. */
export async function loadCheckpoint(path: string): Promise<Snapshot> {
  const manifest = manifestSchema.safeParse(parseJson(FILES.manifest, (await readPart(path, FILES.manifest)).bytes));
  if (!manifest.success) throw new CnnDistError("checkpoint", `${FILES.manifest} is not a manifest of this version`);
  const read = async (name: string) => {
    const listed = manifest.data.files[name];
    if (!listed) throw new CnnDistError("checkpoint", `${FILES.manifest} does not list ${name}`);
    const { bytes, sha256 } = await readPart(path, name, listed.bytes);
    if (sha256 !== listed.sha256)
      throw new CnnDistError("checkpoint", `${name} does not have the SHA-256 that its manifest says`);
    return bytes;
  };
  const weights = decodeSafetensors(FILES.weights, await read(FILES.weights));
  const optimizer = decodeSafetensors(FILES.optimizer, await read(FILES.optimizer));
  const ifListed = async (name: string) =>
    manifest.data.files[name] ? decodeSafetensors(name, await read(name)) : null;
  const ema = await ifListed(FILES.ema);
  const residuals = await ifListed(FILES.residuals);
  return snapshotOf({ weights, optimizer, ema, residuals, state: parseJson(FILES.state, await read(FILES.state)) });
}

/** A whole file, of any size, and its SHA-256; refused unread when it has another size than `expected`. */
async function readPart(path: string, name: string, expected?: number): Promise<{ bytes: Uint8Array; sha256: string }> {
  try {
    return await withFile(join(path, name), "r", async (file) => {
      const { size } = await file.stat();
      if (expected !== undefined && size !== expected)
        throw new CnnDistError("checkpoint", `${name} has ${size} bytes, its manifest says ${expected}`);
      const bytes = new Uint8Array(size);
      const hash = createHash("sha256");
      for (let from = 0; from < size; ) {
        const { bytesRead } = await file.read(bytes, from, Math.min(PIECE_BYTES, size - from), from);
        if (bytesRead === 0) throw new CnnDistError("checkpoint", `${name} ends after ${from} of ${size} bytes`);
        hash.update(bytes.subarray(from, from + bytesRead));
        from += bytesRead;
      }
      return { bytes, sha256: hash.digest("hex") };
    });
  } catch (error) {
    if (error instanceof CnnDistError) throw error;
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
