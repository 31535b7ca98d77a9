import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** The user's cache: CNN_DIST_CACHE, else XDG_CACHE_HOME/cnn-dist, else ~/.cache/cnn-dist. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  if (env.CNN_DIST_CACHE) return env.CNN_DIST_CACHE;
  return join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "cnn-dist");
}

/** What is kept about this user's work: XDG_STATE_HOME/cnn-dist, else ~/.local/state/cnn-dist. */
export function stateDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const named = env.XDG_STATE_HOME;
  return join(named && isAbsolute(named) ? named : join(homedir(), ".local", "state"), "cnn-dist");
}
