/** Where in a module a syntax error is. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

/**
 * FILE:LINE:COLUMN; null when the file itself is sound (it may import one that is not). Node 20 keeps the place out of the
 * error that `import` gives, and prints it when it only checks the file.
 */
export async function syntaxPlace(path: string): Promise<string | null> {
  try {
    await execute(process.execPath, ["--check", path]);
    return null;
  } catch (error) {
    const stderr = String((error as { stderr?: unknown }).stderr ?? "");
    const [, line, caret] = /^.*:(\d+)\n.*\n( *)\^/.exec(stderr) ?? [];
    return line === undefined ? null : `${path}:${line}:${caret!.length + 1}`;
  }
}
