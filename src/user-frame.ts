/** Where in the user's own code an error came from: the first line of a stack that is neither ours, nor tfjs's, nor Node's. */
import { fileURLToPath } from "node:url";

/** The folder of our compiled code. */
const OURS = fileURLToPath(new URL(".", import.meta.url));

/** FILE:LINE:COLUMN, or FILE:LINE for a syntax error, which Node tells without a column; null where nothing is the user's. */
export function userFrame(stack: string, ours = OURS): string | null {
  for (const line of stack.split("\n")) {
    // "at call (file:///home/me/own.mjs:3:14)", "at /home/me/own.cjs:3:14", "file:///home/me/own.mjs:3"
    const [, place] = /((?:file:\/\/|(?<![:\w]))\/.*?:\d+(?::\d+)?)\)?$/.exec(line) ?? [];
    if (place === undefined) continue;
    const path = withoutScheme(place);
    if (path.startsWith(ours) || /\/node_modules\/|\/vendor\//.test(path)) continue;
    return path;
  }
  return null;
}

function withoutScheme(place: string): string {
  if (!place.startsWith("file://")) return place;
  const [, url, numbers] = /^(.*?)((?::\d+)+)$/.exec(place)!;
  return `${fileURLToPath(url!.replace(/\?.*$/, ""))}${numbers}`;
}

/** tfjs's own calls fill the usual ten lines of a stack. */
const DEEP = 100;

/** " (at FILE:LINE:COLUMN)" of the user's code that is running; "" where all of it is ours. */
export function callSite(): string {
  const place = withDeepStacks(() => userFrame(new Error().stack ?? ""));
  return place === null ? "" : ` (at ${place})`;
}

/** Errors made in the call have stacks deep enough to reach the user's code. */
export function withDeepStacks<Result>(call: () => Result): Result {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = DEEP;
  try {
    return call();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
