/** Keys on disk: a folder with the coordinator's key, the workers' keys and the list of those that are allowed. */
import { existsSync, linkSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { curveKeyPair } from "zeromq";
import type { z } from "zod";
import { messageOf, UsageError } from "../errors.js";
import { makeFolder } from "../make-folder.js";
import { readGuarded } from "../secret-file.js";
import { type CoordinatorKey, type CoordinatorKeys, coordinatorKey, key, type WorkerKey, workerKey } from "./keys.js";

/** The name of the worker's key that is made with a folder. */
export const DEFAULT_WORKER = "worker";
const COORDINATOR = "coordinator";
const ALLOWED = "allowed";
const SUFFIX = ".key";

export interface ListedKey {
  name: string;
  public: string;
  allowed: boolean;
}

const fileOf = (folder: string, name: string) => join(folder, `${name}${SUFFIX}`);

/**
 * Makes the folder (0700) and the coordinator's key unless they are there, and a worker's key of that name, which is then
 * allowed. Returns the worker's file. UsageError `keys` if there is one of that name.
 */
export function createKeys(folder: string, name: string): string {
  checkName(name);
  try {
    makeFolder(folder, 0o700);
  } catch (error) {
    throw new UsageError("keys", `the folder of keys ${folder} cannot be made: ${messageOf(error)}`);
  }
  const { publicKey, secretKey } = curveKeyPair();
  writeNew(fileOf(folder, COORDINATOR), { public: publicKey, secret: secretKey } satisfies CoordinatorKey);
  const { public: coordinator } = readCoordinatorKey(folder);
  const pair = curveKeyPair();
  const worker: WorkerKey = { name, public: pair.publicKey, secret: pair.secretKey, coordinator };
  const file = fileOf(folder, name);
  if (!writeNew(file, worker))
    throw new UsageError(
      "keys",
      `${file} is there already. Choose another name, or revoke it first: 'cnn-dist keys revoke ${name}'.`,
    );
  changeList(folder, (lines) => [...lines, `${worker.public} ${name}`]);
  return file;
}

/** A folder with one worker's key, unless it is there already: whole at once, since others may ask for it at the same time. */
export function createFolder(folder: string): void {
  if (existsSync(folder)) return;
  const draft = `${folder}.${process.pid}`;
  createKeys(draft, DEFAULT_WORKER);
  try {
    renameSync(draft, folder);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(folder)) throw new UsageError("keys", `${folder} cannot be made: ${messageOf(error)}`);
  }
}

/** Reads, changes and replaces the list; of two at once, one is told. */
function changeList(folder: string, change: (lines: readonly string[]) => readonly string[]): void {
  const list = join(folder, ALLOWED);
  const draft = `${list}.new`;
  try {
    writeFileSync(draft, "", { mode: 0o600, flag: "wx" });
  } catch (error) {
    throw new UsageError(
      "keys",
      `${list} cannot be changed: ${messageOf(error)}. If no other 'cnn-dist keys' is running, remove ${draft}.`,
    );
  }
  try {
    const lines = change(linesOf(folder));
    writeFileSync(draft, lines.map((line) => `${line}\n`).join(""));
    renameSync(draft, list);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Takes a key off the list and removes its file; coordinators that run notice it within a second. */
export function revokeKey(folder: string, name: string): void {
  checkName(name);
  const isIts = (line: string) => line.split(" ")[1] === name;
  if (!linesOf(folder).some(isIts) && !existsSync(fileOf(folder, name)))
    throw new UsageError("keys", `there is no key of the name "${name}" in ${folder}. ${known(folder)}`);
  changeList(folder, (lines) => lines.filter((line) => !isIts(line)));
  rmSync(fileOf(folder, name), { force: true });
}

/** What is allowed, and workers' keys that lie there and are not. */
export function listKeys(folder: string): ListedKey[] {
  const allowed = linesOf(folder).map((line): ListedKey => {
    const [publicKey = "", name = ""] = line.split(" ");
    return { name, public: publicKey, allowed: true };
  });
  const others = namesIn(folder)
    .filter((name) => name !== COORDINATOR)
    .map((name): ListedKey => ({ name, public: readWorkerKey(fileOf(folder, name)).public, allowed: false }))
    .filter((listed) => !allowed.some(({ public: publicKey }) => publicKey === listed.public));
  return [...allowed, ...others];
}

export function readCoordinatorKey(folder: string): CoordinatorKey {
  return readSecret(fileOf(folder, COORDINATOR), coordinatorKey, "a coordinator's key");
}

/** `path`: a key's file, or a folder of keys. */
export function readWorkerKey(path: string): WorkerKey {
  return readSecret(isFolder(path) ? fileOf(path, DEFAULT_WORKER) : path, workerKey, "a worker's key");
}

/** The keys of a coordinator whose list is the folder's, as it is at each question. */
export function coordinatorKeysOf(folder: string): CoordinatorKeys {
  const own = readCoordinatorKey(folder);
  linesOf(folder); // a list with wrong modes is an error now, and not a worker that is refused
  const read = { state: "", keys: new Set<string>() };
  return {
    ...own,
    allows(publicKey) {
      // Strangers make it ask as often as they like, so it is read again only when it has changed.
      const state = stateOf(join(folder, ALLOWED));
      if (state !== read.state) Object.assign(read, { state, keys: allowedNow(folder) });
      return read.keys.has(publicKey);
    },
  };
}

/** A list that cannot be read any more allows nobody. */
function allowedNow(folder: string): ReadonlySet<string> {
  try {
    return new Set(linesOf(folder).map((line) => line.split(" ")[0]!));
  } catch {
    return new Set();
  }
}

/** Differs once the file was replaced, written, or given other modes. */
function stateOf(file: string): string {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? "none" : `${stat.ino} ${stat.ctimeNs} ${stat.size}`;
}

function linesOf(folder: string): string[] {
  const list = join(folder, ALLOWED);
  let text: string;
  try {
    text = readGuarded(list, "unwritten");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new UsageError("keys", `the list of keys cannot be used: ${messageOf(error)}.`);
  }
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  const bad = lines.findIndex((line) => !key.safeParse(line.split(" ")[0]).success);
  if (bad >= 0)
    throw new UsageError(
      "keys",
      `${list}: "${lines[bad]!.slice(0, 60)}" does not begin with a public key of 40 characters`,
    );
  return lines;
}

function readSecret<T>(file: string, schema: z.ZodType<T>, what: string): T {
  let text: string;
  try {
    text = readGuarded(file, "unread");
  } catch (error) {
    const advice =
      (error as NodeJS.ErrnoException).code === "ENOENT"
        ? " 'cnn-dist keys create' makes keys; a worker on another machine needs a copy of its file there."
        : "";
    throw new UsageError("keys", `${what} cannot be read: ${messageOf(error)}.${advice}`);
  }
  return parseKey(text, schema, `${file} is not ${what}`);
}

/** UsageError `keys` that begins with `what`; it never shows what was received, which may be a secret. */
export function parseKey<T>(text: string, schema: z.ZodType<T>, what: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new UsageError(
      "keys",
      `${what}: expected the JSON that 'cnn-dist keys create' writes, received ${text.length} other characters`,
    );
  }
}

function checkName(name: string): void {
  if (/^[a-z0-9][a-z0-9._-]{0,63}$/i.test(name) && name !== COORDINATOR) return;
  throw new UsageError(
    "keys",
    `a key's name: expected 1 to 64 letters, digits, dots or dashes, other than "${COORDINATOR}", received "${name}"`,
  );
}

/** False if the file was there. Never half a file: it is written elsewhere and linked. */
function writeNew(file: string, value: CoordinatorKey | WorkerKey): boolean {
  const draft = `${file}.${process.pid}`;
  try {
    writeFileSync(draft, `${JSON.stringify(value)}\n`, { mode: 0o600, flag: "wx" });
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw new UsageError("keys", `${file} cannot be written: ${messageOf(error)}`);
  } finally {
    rmSync(draft, { force: true });
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(SUFFIX))
      .map((name) => name.slice(0, -SUFFIX.length));
  } catch {
    return [];
  }
}

function known(folder: string): string {
  const names = linesOf(folder).map((line) => line.split(" ")[1]);
  return names.length === 0 ? "It has none: 'cnn-dist keys create' makes one." : `It has: ${names.join(", ")}.`;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
