import { homedir } from "node:os";
import { join } from "node:path";

/** The user's cache: CNN_DIST_CACHE, else XDG_CACHE_HOME/cnn-dist, else ~/.cache/cnn-dist. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  if (env.CNN_DIST_CACHE) return env.CNN_DIST_CACHE;
  return join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "cnn-dist");
}
