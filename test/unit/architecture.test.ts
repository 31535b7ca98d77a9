/** Which room may know which: docs/architecture.md's table as one allow-list, held against every import. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fixturePath, ROOT } from "../support/fixtures.js";

/** Small files at the top of src that everybody may use. */
const COMMON = [
  "clock",
  "errors",
  "events",
  "format",
  "random",
  "nearest",
  "image-format",
  "paths",
  "version",
  "process-identity",
  "user-frame",
];

/** Room to the rooms and packages that it may import. A `type:` entry allows imports that vanish when compiled. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  events: ["type:config"],
  index: ["type:config", "type:evaluation", "library", "type:run"],
  cli: ["commands", "yargs", "yargs/yargs"],
  commands: [
    "config",
    "library",
    "run",
    "terminal",
    "models",
    "data",
    "engine",
    "transport",
    "evaluation",
    "export",
    "zod",
  ],
  library: [
    "models",
    "config",
    "run",
    "engine",
    "checkpoint",
    "data",
    "evaluation",
    "export",
    "optim",
    "parameters",
    "zod",
  ],
  terminal: ["picocolors"],
  run: [
    "config",
    "coordinator",
    "worker",
    "transport",
    "checkpoint",
    "metrics",
    "engine",
    "data",
    "models",
    "optim",
    "parameters",
    "layers",
    "type:protocol",
    "protocol",
    "zod",
  ],
  config: ["models", "zod"],
  coordinator: [
    "config/fingerprint",
    "config/time-limits",
    "protocol",
    "type:transport",
    "parameters",
    "optim",
    "data/order",
    "type:checkpoint",
  ],
  worker: [
    "protocol",
    "type:transport",
    "parameters",
    "layers",
    "engine",
    "data",
    "models",
    "type:config",
    "config",
    "type:@tensorflow/tfjs",
  ],
  protocol: ["config", "parameters", "msgpackr", "zod"],
  transport: ["config/time-limits", "protocol", "zeromq"],
  parameters: [],
  models: ["parameters"],
  layers: ["models", "parameters", "type:engine", "engine", "type:@tensorflow/tfjs"],
  evaluation: ["config", "layers", "type:engine", "data", "type:data", "type:checkpoint", "models", "parameters"],
  export: ["config", "checkpoint", "models", "parameters", "type:@tensorflow/tfjs"],
  engine: ["fetch", "koffi", "@tensorflow/tfjs"],
  data: ["fetch", "type:models", "type:config", "type:engine"],
  optim: ["type:config"],
  checkpoint: ["parameters", "config", "type:optim", "zod"],
  metrics: ["type:engine", "prom-client"],
  fetch: ["proper-lockfile", "yauzl"],
};

/**
 * Rooms with floors: other rooms may import what lies on top alone, and a floor may import only the floors, or the files
 * of floors, named for it. A floor's files may also import the top's types.
 */
const FLOORS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  // The training's one port: membership implements it.
  coordinator: { training: [], membership: ["training/workers"] },
  engine: { native: [], install: ["native"], kernels: ["native"], trace: ["native"] },
  models: { tables: [] },
};
/** On top of a room with floors, and yet for its floors to import: words that they all speak. */
const FLOOR_WORDS: readonly string[] = ["models/spec"];

interface Import {
  file: string;
  target: string;
  typeOnly: boolean;
}

/** Static, dynamic and re-exporting imports of a folder's TypeScript files. */
function importsBelow(root: string): Import[] {
  const pattern =
    /(?:^|\n)\s*(import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)|\brequire\(\s*["']([^"']+)["']\s*\)/g;
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) => {
      const file = join(root, name);
      const text = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
      return [...text.matchAll(pattern)].map((match) => ({
        file,
        target: (match[3] ?? match[4] ?? match[5])!,
        typeOnly: match[2] !== undefined,
      }));
    });
}

function roomOf(path: string): string {
  const [first, second] = path.split("/");
  return second === undefined ? first!.replace(/\.(ts|js)$/, "") : first!;
}

/** The floor that a file lies on, "" for the top; null in a room without floors. */
function floorOf(path: string): string | null {
  const [room, second, third] = path.split("/");
  if (FLOORS[room!] === undefined) return null;
  return third === undefined ? "" : second!;
}

function respectsFloors(here: string, target: string, typeOnly: boolean): boolean {
  const floor = floorOf(target);
  if (floor === null) return true;
  if (roomOf(here) !== roomOf(target)) return floor === "";
  const mine = floorOf(here)!;
  if (mine === floor || mine === "") return true;
  if (floor === "") return typeOnly || FLOOR_WORDS.includes(target);
  const below = FLOORS[roomOf(here)]![mine] ?? [];
  return below.includes(floor) || below.includes(target.slice(target.indexOf("/") + 1));
}

/** One line for each import that the table does not allow. */
function violations(root: string): string[] {
  return importsBelow(root).flatMap(({ file, target, typeOnly }) => {
    const here = relative(root, file);
    const room = roomOf(here);
    const allowed = ALLOWED[room] ?? (COMMON.includes(room) ? [] : undefined);
    if (!allowed) return [`${here} is in no known room`];
    if (target.startsWith("node:")) return [];
    if (builtinModules.includes(target)) return [`${here} imports ${target} without node:`];
    const path = target.startsWith(".") ? relative(root, resolve(dirname(file), target)).replace(/\.js$/, "") : target;
    const other = target.startsWith(".") ? roomOf(path) : target;
    if (target.startsWith(".") && COMMON.includes(other)) return [];
    if (!respectsFloors(here, path, typeOnly)) return [`${here} imports ${target}, which is not for it`];
    if (other === room) return [];
    const fits = allowed.some(
      (entry) =>
        entry === other || entry === path || (typeOnly && (entry === `type:${other}` || entry === `type:${path}`)),
    );
    return fits ? [] : [`${here} imports ${target}${typeOnly ? " (as a type)" : ""}`];
  });
}

test("no room knows more than the table says", () => {
  assert.deepEqual(violations(join(ROOT, "src")), []);
});

test("the check finds static, dynamic and re-exporting imports that are not allowed", () => {
  assert.deepEqual(violations(fixturePath("architecture")).sort(), [
    "coordinator/membership/roster.ts imports ../training/step.js, which is not for it",
    "coordinator/training/loop.ts imports ../../worker/compute.js",
    "coordinator/training/loop.ts imports ../membership/roster.js, which is not for it",
    "coordinator/training/loop.ts imports koffi",
    "data/decode.ts imports ../engine/native/graph.js, which is not for it",
    "engine/native/graph.ts imports ../trace/trace.js, which is not for it",
    "parameters/layout.ts imports ../engine/engine.js (as a type)",
    "terminal/live.ts imports ../run/run.js",
  ]);
});
