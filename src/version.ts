import { readFileSync } from "node:fs";

/** cnn-dist's own version, from the package's manifest. */
export const VERSION = (
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }
).version;
