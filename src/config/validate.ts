/** zod's findings as a person at a terminal needs them: which flag, what was expected, what was received. */
import { z } from "zod";
import { UsageError } from "../errors.js";
import { nearest } from "../nearest.js";

/** batchSize -> --batch-size; the command line calls the workers by the name that people know. */
export function flagOf(key: string): string {
  if (key === "workers") return "--gpus";
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * Parses, or throws one UsageError with a line for each finding. `where` names a file, or null for the command line, of which
 * `positionals` have no dashes.
 */
export function validate<T>(
  schema: z.ZodType<T>,
  value: unknown,
  where: string | null,
  positionals: readonly string[] = [],
): T {
  const place = (key: string) => {
    if (where !== null) return `${where}: "${key}"`;
    return positionals.includes(key) ? flagOf(key).slice(2) : flagOf(key);
  };
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const lines = result.error.issues.flatMap((issue) => describe(issue, schema, value, place));
  throw new UsageError("config", [...new Set(lines)].join("\n"));
}

function describe(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  value: unknown,
  place: (key: string) => string,
): string[] {
  const object = schema instanceof z.ZodCodec ? schema.in : schema;
  const fields: Readonly<Record<string, z.ZodType>> = object instanceof z.ZodObject ? object.shape : {};
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => `${place(key)} is not known${nearest(key, Object.keys(fields))}`);
  const key = String(issue.path[0] ?? "");
  const received = issue.path.reduce<unknown>(
    (inner, part) => (inner as Record<PropertyKey, unknown> | undefined)?.[part],
    value,
  );
  const field = fields[key];
  const asked = issue.path.length === 1 && field ? asksFor(field) : null;
  const near = typeof received === "string" && asked?.choices ? nearest(received, asked.choices) : "";
  const hint = asked?.hint === undefined ? "" : `. ${asked.hint}`;
  return [`${place(key)}: expected ${asked?.text ?? expectation(issue)}, received ${shown(received)}${near}${hint}`];
}

/** A password in an address is not shown. */
function shown(received: unknown): string {
  if (received === undefined) return "nothing";
  return JSON.stringify(received).replace(/(:\/\/)[^/@\s"]*@/g, "$1…@");
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return KINDS[issue.expected] ?? `a ${issue.expected}`;
    case "too_small":
      if (issue.origin === "string") return "a text that is not empty";
      return `a number ${issue.inclusive ? "of at least" : "greater than"} ${issue.minimum}`;
    case "too_big":
      return `a number ${issue.inclusive ? "of at most" : "less than"} ${issue.maximum}`;
    case "invalid_value":
      return `one of ${issue.values.join(", ")}`;
    case "invalid_union":
      if (issue.errors.length === 0) return issue.message;
      return issue.errors
        .flat()
        .map(expectation)
        .filter((text, index, all) => all.indexOf(text) === index)
        .join(" or ");
    default:
      return issue.message;
  }
}

/** zod's names of types, where "a NAME" would not do. */
const KINDS: Readonly<Record<string, string>> = {
  int: "a whole number",
  array: "a list",
  object: "an object",
  record: "an object",
  boolean: "true or false",
  null: "null",
};

interface Asked {
  /** "a whole number from 0 to 65535", "one of sgd, adam". */
  text: string;
  choices?: readonly string[];
  /** The schema's own description: a sentence that says what to do instead. */
  hint?: string;
}

/** What a field's schema asks for, whole; null where the finding alone says it better. */
function asksFor(field: z.ZodType): Asked | null {
  const json = z.toJSONSchema(field, { unrepresentable: "any", io: "input" });
  const inner = json.anyOf?.find((each) => typeof each === "object" && each.type !== "null") ?? json;
  if (typeof inner !== "object") return null;
  const hint = inner.description === undefined ? {} : { hint: inner.description };
  if (inner.const !== undefined) return { text: String(inner.const), ...hint };
  if (Array.isArray(inner.enum))
    return { text: `one of ${inner.enum.join(", ")}`, choices: inner.enum.map(String), ...hint };
  const text = rangeOf(inner);
  return text === null ? null : { text, ...hint };
}

function rangeOf(json: z.core.JSONSchema.BaseSchema): string | null {
  if (json.type !== "integer" && json.type !== "number") return null;
  const what = json.type === "integer" ? "a whole number" : "a number";
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = json;
  const low = exclusiveMinimum !== undefined ? `greater than ${exclusiveMinimum}` : null;
  const unbounded = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER;
  if (low === null && exclusiveMaximum === undefined && minimum !== undefined)
    return unbounded ? `${what} of ${minimum} or more` : `${what} from ${minimum} to ${maximum}`;
  const high =
    exclusiveMaximum !== undefined ? `less than ${exclusiveMaximum}` : unbounded ? null : `at most ${maximum}`;
  const bounds = [low ?? (minimum === undefined ? null : `of at least ${minimum}`), high].filter(
    (bound) => bound !== null,
  );
  return bounds.length === 0 ? what : `${what} ${bounds.join(" and ")}`;
}
