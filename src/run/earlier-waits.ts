/** How long runs of this user waited for their first step: what a later one like them may expect. A file in the user's state. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { PlanEvent } from "../events.js";
import { makeFolder } from "../make-folder.js";
import { NO_WAITS, type Waits } from "../metrics/held-back.js";
import { stateDirectory } from "../paths.js";

/** Runs of one kind each; the oldest go. */
const MOST = 200;
const schema = z.array(z.tuple([z.string(), z.object({ join: z.number(), compile: z.number() })]));

export const waitsFile = (env: NodeJS.ProcessEnv) => join(stateDirectory(env), "waits.json");

/** What decides how long it takes to join and to compile. */
export function kindOf({ model, dataset, input, batch_size, workers, devices }: PlanEvent): string {
  return [model, dataset.name, input.join("x"), batch_size, workers, ...new Set(devices)].join(" ");
}

export function readWaits(file: string, kind: string): Waits {
  return new Map(read(file)).get(kind) ?? NO_WAITS;
}

/** A file that cannot be written costs a number that nobody needs. */
export function rememberWaits(file: string, kind: string, waits: { join: number; compile: number }): void {
  const others = read(file).filter(([other]) => other !== kind);
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    makeFolder(dirname(file), 0o700);
    try {
      writeFileSync(temporary, JSON.stringify([...others, [kind, waits]].slice(-MOST)), { mode: 0o600 });
      renameSync(temporary, file);
    } finally {
      rmSync(temporary, { force: true });
    }
  } catch {}
}

function read(file: string): z.infer<typeof schema> {
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return [];
  }
}
