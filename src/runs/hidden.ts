/** Runs that a person has put away, by name: a list beside them. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { CnnDistError, messageOf } from "../errors.js";

const FILE = ".hidden-runs.json";
const schema = z.array(z.string());

/** Empty where there is no list; `warning`, where one is there that cannot be read. */
export function readHidden(dir: string): { names: ReadonlySet<string>; warning: string | null } {
  const path = join(dir, FILE);
  try {
    return { names: new Set(schema.parse(JSON.parse(readFileSync(path, "utf8")))), warning: null };
  } catch (error) {
    const none = (error as NodeJS.ErrnoException).code === "ENOENT";
    return { names: new Set(), warning: none ? null : `cannot be read, so nothing is hidden: ${messageOf(error)}` };
  }
}

export const hiddenFile = (dir: string) => join(dir, FILE);

/** CnnDistError `output` where the list cannot be written. */
export function setHidden(dir: string, name: string, hidden: boolean): void {
  const names = new Set(readHidden(dir).names);
  if (hidden) names.add(name);
  else names.delete(name);
  const path = join(dir, FILE);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, `${JSON.stringify([...names].sort())}\n`);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new CnnDistError("output", `${path}, the list of hidden runs, cannot be written: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}
