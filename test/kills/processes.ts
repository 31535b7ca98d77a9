/** Processes of a run, as /proc shows them. */
import { readdirSync, readFileSync } from "node:fs";

const read = (path: string): string | null => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null; // it has ended
  }
};

/** Living processes, by number. */
function pids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** State and parent of a living process. */
function statOf(pid: number): { state: string; parent: number } | null {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === null) return null;
  const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // a name may hold spaces
  return { state: state!, parent: Number(parent) };
}

export function childrenOf(pid: number): number[] {
  return pids().filter((each) => {
    const stat = statOf(each);
    return stat?.parent === pid && stat.state !== "Z";
  });
}

/** Processes that were started, by whomever, with `name=value` in their environment. */
export function markedBy(name: string, value: string): number[] {
  const mark = `${name}=${value}`;
  return pids().filter((pid) => read(`/proc/${pid}/environ`)?.split("\0").includes(mark));
}

/** The program that a process runs, as the run's parts call it. */
export function nameOf(pid: number): string {
  const words = read(`/proc/${pid}/cmdline`)?.split("\0") ?? [];
  const script = words.find((word) => /\.[cm]?js$/.test(word) && !word.endsWith("/tap.js")) ?? words[0] ?? "";
  const file = script.split("/").at(-1)!;
  return (
    { "cnn-dist.js": "coordinator", "worker-process.js": "worker", "model-reader-process.js": "model reader" }[file] ??
    file
  );
}

/** Of `share` in [0, 1). */
export function pick<T>(list: readonly T[], share: number): T | undefined {
  return list[Math.floor(share * list.length)];
}
