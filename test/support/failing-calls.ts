/** The boundary to the system, for tests: calls of node:fs that fail as a disk or a file server may let them fail. */
import type fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

type Call = (this: unknown, ...parameters: unknown[]) => unknown;

export function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: as a test has it`), { code });
}

/**
 * Puts other calls in the place of some of `owner` (fs or fs.promises), each made from the original, while `use` runs.
 */
export async function withCalls(
  owner: typeof fs | typeof fs.promises,
  replaced: Readonly<Record<string, (original: Call) => Call>>,
  use: () => unknown,
): Promise<void> {
  const calls = owner as unknown as Record<string, Call>;
  const originals = Object.fromEntries(Object.keys(replaced).map((name) => [name, calls[name]!]));
  for (const [name, make] of Object.entries(replaced)) calls[name] = make(originals[name]!);
  syncBuiltinESMExports();
  try {
    await use();
  } finally {
    Object.assign(calls, originals);
    syncBuiltinESMExports();
  }
}

/** A call that always fails. */
export const refusing = (code: string) => (): Call => () => {
  throw systemError(code);
};
