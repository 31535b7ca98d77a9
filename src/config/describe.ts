/** zod's findings as a person at a terminal needs them: which flag, what was expected, what was received. */
import type { z } from "zod";
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
  const lines = result.error.issues.flatMap((issue) => describe(issue, value, where, known));
  throw new UsageError("config", [...new Set(lines)].join("\n"));
}

function describe(issue: z.core.$ZodIssue, value: unknown, where: string | null, known: readonly string[]): string[] {
  const place = (key: string) => (where === null ? flagOf(key) : `${where}: "${key}"`);
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => `${place(key)} is not known${nearest(key, known)}`);
  const key = String(issue.path[0] ?? "");
  const received = issue.path.reduce<unknown>(
    (inner, part) => (inner as Record<PropertyKey, unknown> | undefined)?.[part],
    value,
  );
  return [
    `${place(key)}: expected ${expectation(issue)}, received ${received === undefined ? "nothing" : JSON.stringify(received)}`,
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
      return issue.errors
        .flat()
        .map(expectation)
        .filter((text, index, all) => all.indexOf(text) === index)
        .join(" or ");
    default:
      return issue.message;
  }
}
