/** docs/library.md lists every option of every function, with its type. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import * as library from "../../../src/index.js";
import {
  evaluateSchema,
  exportSchema,
  pictureSchema,
  predictSchema,
  reportSchema,
  resumeSchema,
  trainSchema,
  verifySchema,
} from "../../../src/library/options.js";
import { ROOT } from "../../support/fixtures.js";

/** Of each function: the schema of its options, and its callbacks and signal (types alone, so named here). */
const FUNCTIONS = {
  train: [trainSchema, ["signal", "onProgress", "onHeldBack"]],
  resume: [resumeSchema, ["signal", "onProgress", "onHeldBack"]],
  evaluate: [evaluateSchema, ["signal", "onProgress", "onWarning"]],
  predict: [predictSchema, ["signal", "onProgress", "onWarning"]],
  picture: [pictureSchema, ["signal", "onProgress", "onWarning"]],
  report: [reportSchema, ["signal", "onProgress", "onWarning"]],
  exportCheckpoint: [exportSchema, ["signal", "onProgress", "onWarning"]],
  verify: [verifySchema, ["signal", "onStep"]],
} as const satisfies Record<string, readonly [z.ZodObject, readonly string[]]>;

/** A schema as TypeScript writes it. */
function typeOf(json: z.core.JSONSchema._JSONSchema): string {
  if (typeof json === "boolean") return "unknown";
  if (json.anyOf) return json.anyOf.map(typeOf).join(" | ");
  if (json.const !== undefined) return JSON.stringify(json.const);
  if (json.enum) return json.enum.map((each) => JSON.stringify(each)).join(" | ");
  if (Array.isArray(json.type)) return json.type.join(" | ");
  if (json.type === "integer") return "number";
  if (json.type === "array") return "object[]";
  if (json.type === "object") return `Record<string, ${typeOf(json.additionalProperties ?? true)}>`;
  return String(json.type);
}

const page = readFileSync(join(ROOT, "docs", "library.md"), "utf8");

/** Option to type, from the table under a function's heading. */
function listed(name: string): Map<string, string> {
  const section = page.split(/^## /m).find((each) => each.startsWith(`\`${name}(`));
  assert.ok(section, `docs/library.md has no section for ${name}`);
  const rows = section.matchAll(/^\| `(\w+)` \| (?:`(.*?)`|([^`|]*)) \|/gm);
  return new Map([...rows].map(([, option = "", type = ""]) => [option, type.replaceAll("\\|", "|")]));
}

for (const [name, [schema, callbacks]] of Object.entries(FUNCTIONS))
  test(`docs/library.md lists the options of ${name}, each with its type`, () => {
    assert.ok(Object.keys(library).includes(name), `src/index.ts has no ${name}`);
    const { properties = {} } = z.toJSONSchema(schema, { unrepresentable: "any", io: "input" });
    const types = new Map(Object.entries(properties).map(([option, json]) => [option, typeOf(json)]));
    const page = listed(name);
    for (const option of callbacks) {
      assert.ok(page.has(option), `${name}: ${option} is missing`);
      page.delete(option);
    }
    assert.deepEqual(Object.fromEntries([...page].sort()), Object.fromEntries([...types].sort()));
  });
