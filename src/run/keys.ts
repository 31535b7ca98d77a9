/** Where a side's keys come from: an option, the environment, or the user's own folder. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../errors.js";
import { stateDirectory } from "../paths.js";
import { isLoopback } from "../transport/address.js";
import { coordinatorKeysOf, createFolder, parseKey, readWorkerKey } from "../transport/key-folder.js";
import { type CoordinatorKeys, coordinatorKey, key, type WorkerKey, workerKey } from "../transport/keys.js";

/** In a run's folder. */
const RUN_KEYS = "keys";

/** CNN_DIST_KEYS, else the folder that a user's coordinators and workers share without a word. */
export function keysFolder(env: NodeJS.ProcessEnv): string {
  return env.CNN_DIST_KEYS || join(stateDirectory(env), "keys");
}

/**
 * `given`: a folder of keys. Without it CNN_DIST_COORDINATOR_KEY and CNN_DIST_ALLOWED_KEYS, else the user's own folder,
 * which is made at the first call of what is returned. UsageError `keys` at once for what was given and is not right.
 */
export function coordinatorKeys(given: string | undefined, env: NodeJS.ProcessEnv): () => CoordinatorKeys {
  const { CNN_DIST_COORDINATOR_KEY: own, CNN_DIST_ALLOWED_KEYS: allowed } = env;
  if (given === undefined && own) {
    const keys = { ...parseKey(own, coordinatorKey, "CNN_DIST_COORDINATOR_KEY"), ...allowing(allowed ?? "") };
    return () => keys;
  }
  const folder = given ?? keysFolder(env);
  if (given !== undefined || env.CNN_DIST_KEYS || existsSync(folder)) {
    const keys = coordinatorKeysOf(folder);
    return () => keys;
  }
  return () => {
    createFolder(folder);
    return coordinatorKeysOf(folder);
  };
}

/** Public keys between spaces, commas or lines. */
function allowing(text: string): Pick<CoordinatorKeys, "allows"> {
  const keys = text.split(/[\s,]+/).filter((word) => word !== "");
  const bad = keys.findIndex((word) => !key.safeParse(word).success);
  if (keys.length === 0 || bad >= 0)
    throw new UsageError(
      "keys",
      `CNN_DIST_ALLOWED_KEYS: expected public keys of 40 characters with spaces between them, received ${keys.length === 0 ? "none" : `"${keys[bad]!.slice(0, 60)}"`}`,
    );
  const set = new Set(keys);
  return { allows: (publicKey) => set.has(publicKey) };
}

/**
 * Of a run over several machines, whose folder may be one that all of them see: keys lie in it, where nothing else says where
 * they are. Node 0 makes them. `runDir`: as it was given on the command line; null: it was not, so that no other machine
 * knows its name.
 */
export function keysOfNodes(
  given: string | undefined,
  runDir: string | null,
  env: NodeJS.ProcessEnv,
): () => CoordinatorKeys {
  const { CNN_DIST_COORDINATOR_KEY: own, CNN_DIST_KEYS: named } = env;
  if (given !== undefined || own || named || runDir === null) return coordinatorKeys(given, env);
  const folder = join(runDir, RUN_KEYS);
  return () => {
    createFolder(folder);
    return coordinatorKeysOf(folder);
  };
}

/** The key of another node of such a run; null: node 0 has not made it yet. UsageError `keys` for one that is not right. */
export function nodeKey(
  given: string | undefined,
  runDir: string | null,
  endpoint: string,
  env: NodeJS.ProcessEnv,
): WorkerKey | null {
  const { CNN_DIST_WORKER_KEY: own, CNN_DIST_KEYS: named } = env;
  if (given !== undefined || own || named || runDir === null) return workerKeyFor(given, endpoint, env);
  const folder = join(runDir, RUN_KEYS);
  return existsSync(folder) ? readWorkerKey(folder) : null;
}

/**
 * `given`: a key's file, or a folder with a worker.key. Else CNN_DIST_WORKER_KEY, else the user's own folder, which is made
 * for a coordinator of this machine, since that one will look there as well.
 */
export function workerKeyFor(given: string | undefined, endpoint: string, env: NodeJS.ProcessEnv): WorkerKey {
  if (given === undefined && env.CNN_DIST_WORKER_KEY)
    return parseKey(env.CNN_DIST_WORKER_KEY, workerKey, "CNN_DIST_WORKER_KEY");
  const folder = keysFolder(env);
  if (given === undefined && !env.CNN_DIST_KEYS && isLoopback(endpoint)) createFolder(folder);
  return readWorkerKey(given ?? folder);
}
