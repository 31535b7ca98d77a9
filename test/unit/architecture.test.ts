/** Which room may know which: docs/architecture.md's table as one allow-list, held against every import. */
import assert from "node:assert/strict";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { fixturePath, ROOT } from "../support/fixtures.js";
import { circlesOf, type Import, importsBelow } from "../support/imports.js";

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
  "limits",
  "secret-file",
  "make-folder",
  "whole-file",
];

/** Room to the rooms and packages that it may import. A `type:` entry allows imports that vanish when compiled. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  foreign: ["koffi"],
  events: ["type:config"],
  index: ["type:config", "type:evaluation", "library", "type:run", "type:runs"],
  cli: ["commands", "type:yargs", "yargs/yargs"],
  commands: [
    "cluster",
    "config",
    "library",
    "run",
    "runs",
    "metrics",
    "web",
    "terminal",
    "models",
    "data",
    "engine",
    "transport",
    "type:evaluation",
    "export",
    "zod",
  ],
  library: [
    "models",
    "config",
    "run",
    "runs",
    "engine",
    "checkpoint",
    "data",
    "evaluation",
    "export",
    "optim",
    "parameters",
    "pictures",
    "report",
    "web",
    "zod",
  ],
  terminal: ["picocolors"],
  run: [
    "config",
    "coordinator",
    "lock",
    "node",
    "type:membership",
    "worker",
    "transport",
    "checkpoint",
    "metrics",
    "engine",
    "data",
    "models",
    "optim",
    "parameters",
    "exchange",
    "protocol",
    "zod",
    "layers",
    "prediction",
    "web",
    "evaluation",
    "pictures",
    "sinks",
  ],
  config: ["models", "zod"],
  coordinator: [
    "type:config/fingerprint",
    "config/time-limits",
    "membership",
    "parameters",
    "optim",
    "exchange",
    "data/order",
    "type:checkpoint",
  ],
  node: [
    "membership",
    "protocol",
    "parameters",
    "exchange",
    "type:transport",
    "config/time-limits",
    "type:config",
    "data/order",
  ],
  membership: [
    "config/fingerprint",
    "config/time-limits",
    "protocol",
    "type:transport",
    "parameters",
    "exchange",
    "data/order",
    "type:checkpoint",
  ],
  worker: [
    "protocol",
    "exchange",
    "type:transport",
    "parameters",
    "layers",
    "engine",
    "data",
    "models",
    "config",
    "type:@tensorflow/tfjs",
  ],
  protocol: ["config", "parameters", "msgpackr", "zod"],
  transport: ["config/time-limits", "zeromq", "zod"],
  parameters: [],
  exchange: ["type:parameters", "optim", "foreign"],
  models: ["parameters"],
  layers: ["models", "parameters", "type:engine", "type:@tensorflow/tfjs"],
  evaluation: [
    "config",
    "layers",
    "type:engine",
    "data",
    "type:checkpoint",
    "models",
    "parameters",
    "pictures",
    "type:@tensorflow/tfjs",
  ],
  pictures: [],
  sinks: ["config", "models", "zod"],
  report: ["type:config", "pictures", "terminal", "web"],
  export: ["config", "checkpoint", "models", "parameters", "type:@tensorflow/tfjs"],
  engine: ["fetch", "foreign", "@tensorflow/tfjs"],
  data: ["fetch", "type:models", "type:config", "type:engine"],
  optim: [],
  prediction: [],
  checkpoint: ["parameters", "config", "type:optim", "zod"],
  metrics: ["config/time-limits", "type:engine", "prom-client"],
  lock: ["config/time-limits", "zod"],
  runs: ["lock", "zod"],
  web: ["config", "metrics", "runs", "terminal", "uplot", "zod"],
  fetch: ["proper-lockfile", "yauzl"],
  cluster: [],
};

/**
 * Rooms with floors: other rooms may import what lies on top alone, and a floor may import only the floors, or the files
 * of floors, named for it. A floor's files may also import the top's types.
 */
const FLOORS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  coordinator: { training: [] },
  engine: { native: [], install: ["native"], kernels: ["native"], trace: ["native"] },
  models: { tables: [] },
};
/** What a floor may not import though its room may, but for the files named: the training's one port. */
const CLOSED: Readonly<Record<string, { room: string; but: readonly string[] }>> = {
  "coordinator/training": { room: "membership", but: ["membership/workers"] },
};
/** On top of a room with floors, and yet for its floors to import: words that they all speak. */
const FLOOR_WORDS: readonly string[] = ["models/spec"];

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

function isClosedTo(file: string, path: string): boolean {
  const closed = CLOSED[file.split("/").slice(0, 2).join("/")];
  return closed !== undefined && roomOf(path) === closed.room && !closed.but.includes(path);
}

/** Whether one entry of a room's list allows an import. */
function covers(entry: string, { path, typeOnly }: Import): boolean {
  const plain = entry.replace(/^type:/, "");
  return (typeOnly || plain === entry) && (plain === path || (!isPackage(plain) && plain === roomOf(path)));
}

/** Packages are told from rooms by their being in the table. */
function isPackage(name: string): boolean {
  return ALLOWED[roomOf(name)] === undefined;
}

/** Imports that a room's list must allow: of other rooms and of packages, except what everybody may use. */
function crossesRooms({ file, path, inside }: Import): boolean {
  return inside ? roomOf(path) !== roomOf(file) && !COMMON.includes(roomOf(path)) : !path.startsWith("node:");
}

/** One line for each import that the table does not allow. */
function violations(root: string): string[] {
  return importsBelow(root).flatMap((each) => {
    const { file, path, target, typeOnly, inside } = each;
    const allowed = ALLOWED[roomOf(file)] ?? (COMMON.includes(roomOf(file)) ? [] : undefined);
    if (!allowed) return [`${file} is in no known room`];
    if (builtinModules.includes(target)) return [`${file} imports ${target} without node:`];
    if (inside && (!respectsFloors(file, path, typeOnly) || isClosedTo(file, path)))
      return [`${file} imports ${target}, which is not for it`];
    if (!crossesRooms(each) || allowed.some((entry) => covers(entry, each))) return [];
    return [`${file} imports ${target}${typeOnly ? " (as a type)" : ""}`];
  });
}

/** Entries of the tables that no import needs; an entry that only types need should say so, and one that says so twice should not. */
function unused(root: string): string[] {
  const imports = importsBelow(root).filter(crossesRooms);
  const needed = (room: string, entry: string) => {
    const covered = imports.filter((each) => roomOf(each.file) === room && covers(entry, each));
    const others = ALLOWED[room]!.filter((other) => other !== entry);
    if (entry.startsWith("type:")) return covered.some((each) => !others.some((other) => covers(other, each)));
    return covered.some(({ typeOnly }) => !typeOnly);
  };
  const rooms = Object.keys(ALLOWED).flatMap((room) =>
    ALLOWED[room]!.filter((entry) => !needed(room, entry)).map((entry) => `${room}: ${entry}`),
  );
  const files = importsBelow(root);
  const floors = Object.entries(FLOORS).flatMap(([room, floors]) =>
    Object.entries(floors).flatMap(([floor, below]) =>
      below
        .filter(
          (entry) =>
            !files.some(({ file, path }) => under(file, `${room}/${floor}`) && under(path, `${room}/${entry}`)),
        )
        .map((entry) => `${room}/${floor}: ${entry}`),
    ),
  );
  const common = COMMON.filter((name) => !files.some(({ path }) => path === name));
  return [...rooms, ...floors, ...common];
}

const under = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);

const SRC = join(ROOT, "src");

test("no room knows more than the table says", () => {
  assert.deepEqual(violations(SRC), []);
});

test("the table allows nothing that no import needs", () => {
  assert.deepEqual(unused(SRC), []);
});

test("no file imports itself by way of others, types included", () => {
  assert.deepEqual(circlesOf(importsBelow(SRC)), []);
});

test("no room imports itself by way of others, so that each stands above all that it imports", () => {
  const roomOf = (path: string) => path.split("/")[0]!.replace(/\.ts$/, "");
  const between = importsBelow(SRC)
    .map((each) => ({ ...each, file: roomOf(each.file), path: roomOf(each.path) }))
    .filter(({ file, path, inside }) => inside && file !== path);
  assert.deepEqual(circlesOf(between), []);
});

test("the check finds static, dynamic and re-exporting imports that are not allowed", () => {
  assert.deepEqual(violations(fixturePath("architecture")).sort(), [
    "coordinator/training/loop.ts imports ../../membership/roster.js, which is not for it",
    "coordinator/training/loop.ts imports ../../worker/compute.js",
    "coordinator/training/loop.ts imports koffi",
    "data/decode.ts imports ../engine/native/graph.js, which is not for it",
    "engine/native/graph.ts imports ../trace/trace.js, which is not for it",
    "membership/roster.ts imports ../coordinator/training/step.js, which is not for it",
    "parameters/layout.ts imports ../engine/engine.js (as a type)",
    "terminal/live.ts imports ../run/run.js",
  ]);
});

test("the check finds circles, by way of types and dynamic imports too, and allowances that nobody needs", () => {
  assert.deepEqual(circlesOf(importsBelow(fixturePath("architecture"))), [
    "optim/rule -> optim/rules -> optim/slots -> optim/rule",
  ]);
  const spare = unused(fixturePath("architecture"));
  assert.ok(spare.includes("transport: zeromq"));
  assert.ok(!spare.includes("engine/install: native"));
});
