/** CPU time of a process, thread by thread, as Linux counts it. */
import { readdirSync, readFileSync } from "node:fs";

export interface ThreadTime {
  name: string;
  /** Milliseconds since it began. */
  ms: number;
}

/** Threads of a process by their number. */
export function threadTimes(pid: number): Map<number, ThreadTime> {
  const times = new Map<number, ThreadTime>();
  for (const thread of threadsOf(pid)) {
    try {
      const name = readFileSync(`/proc/${pid}/task/${thread}/comm`, "utf8").trim();
      const [nanoseconds] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
      times.set(Number(thread), { name, ms: Number(nanoseconds) / 1e6 });
    } catch {
      // it ended meanwhile
    }
  }
  return times;
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // it ended meanwhile
  }
}

/** Of processes and their threads. */
export type CpuTime = ReadonlyMap<number, ReadonlyMap<number, ThreadTime>>;

/** Of a process and all that descend from it. */
export function familyTimes(pid: number): CpuTime {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // it ended meanwhile
    }
  }
  const descends = (one: number | undefined): boolean => one === pid || (!!one && descends(parents.get(one)));
  return new Map([...parents.keys()].filter(descends).map((one) => [one, threadTimes(one)]));
}

/** Milliseconds between two looks; of threads that ended meanwhile nothing is known. */
export function cpuBetween(before: CpuTime, after: CpuTime): number {
  let sum = 0;
  for (const [pid, threads] of after)
    for (const [thread, { ms }] of threads) sum += ms - (before.get(pid)?.get(thread)?.ms ?? 0);
  return sum;
}

/** What a thread is there for. */
export const WORKS = ["compute", "node", "v8", "zeromq", "other"] as const;
export type Work = (typeof WORKS)[number];

/** `pid`: of the process; its first thread, which runs JavaScript, has the same number. */
function workOf(pid: number, thread: number, name: string): Work {
  if (thread === pid) return "node";
  if (name.startsWith("tf_")) return "compute";
  if (name.startsWith("ZMQ")) return "zeromq";
  // Threads that collect garbage and compile, and libuv's pool: Node 20 leaves them the process's name.
  if (name === "node" || name === "MainThread" || name.startsWith("V8") || name.startsWith("libuv")) return "v8";
  return "other";
}

/** Milliseconds by kind of thread that a process took between two looks. */
export function timeBetween(
  pid: number,
  before: ReadonlyMap<number, ThreadTime>,
  after: ReadonlyMap<number, ThreadTime>,
): Record<Work, number> {
  const sums: Record<Work, number> = { compute: 0, node: 0, v8: 0, zeromq: 0, other: 0 };
  for (const [thread, { name, ms }] of after) sums[workOf(pid, thread, name)] += ms - (before.get(thread)?.ms ?? 0);
  return sums;
}

export function total(times: Readonly<Record<Work, number>>): number {
  return WORKS.reduce((sum, work) => sum + times[work], 0);
}
