import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** Every file under a folder, by its path in there, with its bytes as text. */
export function filesOf(dir: string): Map<string, string> {
  const entries = readdirSync(dir, { withFileTypes: true, recursive: true });
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return new Map(paths.sort().map((path) => [relative(dir, path), readFileSync(path, "latin1")]));
}
