/** Who imports whom below a folder, read from the text of its TypeScript files. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

export interface Import {
  /** Relative to the folder. */
  file: string;
  /** As it is written. */
  target: string;
  /** Of a file: relative to the folder, without its ending; of a package or of Node: as it is written. */
  path: string;
  /** Whether it is a file of the folder. */
  inside: boolean;
  /** It vanishes when compiled. */
  typeOnly: boolean;
}

const PATTERN =
  /(?:^|\n)\s*(import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)|\brequire\(\s*["']([^"']+)["']\s*\)/g;

/** Static, dynamic and re-exporting imports. */
export function importsBelow(root: string): Import[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.startsWith("exchange/kernels/")) // AssemblyScript, a program of its own
    .flatMap((file) => {
      const text = readFileSync(join(root, file), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
      return [...text.matchAll(PATTERN)].map((match) => {
        const target = (match[3] ?? match[4] ?? match[5])!;
        const inside = target.startsWith(".");
        const path = inside ? relative(root, resolve(root, dirname(file), target)).replace(/\.js$/, "") : target;
        return { file, target, path, inside, typeOnly: match[2] !== undefined };
      });
    });
}

/** Each circle as "a -> b -> a"; of circles that share a file at least one is found. */
export function circlesOf(imports: readonly Import[]): string[] {
  const targets = new Map<string, Set<string>>();
  for (const { file, path, inside } of imports) {
    const from = file.replace(/\.ts$/, "");
    if (inside) targets.set(from, (targets.get(from) ?? new Set()).add(path));
  }
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    const before = way.indexOf(file);
    if (before >= 0) circles.push([...way.slice(before), file].join(" -> "));
    if (before >= 0 || done.has(file)) return;
    for (const target of targets.get(file) ?? []) visit(target, [...way, file]);
    done.add(file);
  };
  for (const file of [...targets.keys()].sort()) visit(file, []);
  return circles;
}
