/** The last part of a path. Pure. */
export function basename(path: string): string {
  return path.replace(/\/+$/, "").split("/").at(-1)!;
}
