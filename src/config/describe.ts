/** zod's findings as a person at a terminal needs them: which flag, what was expected, what was received. */
import { z } from "zod";
import { UsageError } from "../errors.js";
import { nearest } from "../nearest.js";

/** batchSize -> --batch-size; the command line calls the workers by the name that people know. */
export function flagOf(key: string): string {
  if (key === "workers") return "--gpus";
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Parses, or throws one UsageError with a line for each finding; `where` names a file, or null for the command line. */
export function judge<T>(schema: z.ZodType<T>, value: unknown, where: string | null, known: readonly string[]): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const lines = result.error.issues.flatMap((issue) => describe(issue, schema, value, where, known));
  throw new UsageError("config", [...new Set(lines)].join("\n"));
}

function describe(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  value: unknown,
  where: string | null,
  known: readonly string[],
): string[] {
  const place = (key: string) => (where === null ? flagOf(key) : `${where}: "${key}"`);
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => `${place(key)} is not known${nearest(key, known)}`);
  const key = String(issue.path[0] ?? "");
  const received = issue.path.reduce<unknown>(
    (inner, part) => (inner as Record<PropertyKey, unknown> | undefined)?.[part],
    value,
  );
  return [
    `${place(key)}: expected ${(issue.path.length === 1 && askedBy(schema, key)) || expectation(issue)}, received ${received === undefined ? "nothing" : JSON.stringify(received)}`,
  ];
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.expected === "int" ? "a whole number" : `a ${issue.expected}`;
    case "too_small":
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

/** What a key's schema asks for, whole: "a whole number from 0 to 65535", "one of sgd, adam". Null for other kinds. */
function askedBy(schema: z.ZodType, key: string): string | null {
  const field = schema instanceof z.ZodObject ? (schema.shape as Record<string, z.ZodType>)[key] : undefined;
  if (!field) return null;
  const json = z.toJSONSchema(field, { unrepresentable: "any" });
  const inner = json.anyOf?.find((each) => typeof each === "object" && each.type !== "null") ?? json;
  if (typeof inner !== "object") return null;
  if (Array.isArray(inner.enum)) return `one of ${inner.enum.join(", ")}`;
  if (inner.type !== "integer" && inner.type !== "number") return null;
  const what = inner.type === "integer" ? "a whole number" : "a number";
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = inner;
  const low = exclusiveMinimum !== undefined ? `greater than ${exclusiveMinimum}` : null;
  const unbounded = maximum === undefined || maximum >= 2 ** 31 - 1;
  if (low === null && exclusiveMaximum === undefined && minimum !== undefined)
    return unbounded ? `${what} of ${minimum} or more` : `${what} from ${minimum} to ${maximum}`;
  const high =
    exclusiveMaximum !== undefined ? `less than ${exclusiveMaximum}` : unbounded ? null : `at most ${maximum}`;
  const bounds = [low ?? (minimum === undefined ? null : `of at least ${minimum}`), high].filter(
    (bound) => bound !== null,
  );
  return bounds.length === 0 ? what : `${what} ${bounds.join(" and ")}`;
}
