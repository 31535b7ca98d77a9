/**
 * What an open page costs the training, when it has been open for a while: a browser's start and a page's first drawing are paid once.
 * Beside each case is the CPU time that the page's readers take, which says more than steps that differ by a percent by themselves.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { Chromium } from "../chromium.js";
import { cpuBetween, familyTimes } from "../cpu.js";
import type { Sitting } from "../sitting.js";
import { alternate, digits, median, ms, printLine, printTable, ratio } from "../table.js";
import { measure, type Training, type Watcher } from "../training.js";

const ROUNDS = 2;
const PAGES = 3;
/** Some 18 seconds before those that are measured, for pages to load, and for those behind to let go of their connection. */
const TRAININGS: readonly (Training & { warm: number; steps: number })[] = [
  { network: "lenet5", workers: 2, shard: 32, warm: 6000, steps: 4000 },
  { network: "vgg13", workers: 2, shard: 64, warm: 40, steps: 50 },
];
const CASES = {
  none: "no page",
  program: `read ${PAGES} times by a program, as for browsers elsewhere`,
  empty: `Chromium on the same cores with ${PAGES} empty tabs`,
  tabs: `${PAGES} tabs of it with the page, one of them seen`,
  windows: `${PAGES} windows of it with the page, all of them seen`,
} as const;
type Case = keyof typeof CASES;
/** Chromium does one thing and another after its start. */
const QUIET_MS = 30_000;

export async function page(_: Sitting): Promise<void> {
  const browser = await Chromium.start();
  try {
    await sleep(QUIET_MS);
    const started = cpuBetween(new Map(), browser.cpu());
    const rows: (readonly string[])[] = [
      ["two workers of one thread", "a step", "against no page", "CPU of its readers"],
    ];
    for (const training of TRAININGS) rows.push(...(await rowsOf(training, browser)));
    printTable("A step while the run's page is open", rows);
    printLine(`Chromium's start, once: ${digits(started / 1000)} s of CPU.`);
  } finally {
    await browser.end();
  }
}

async function rowsOf(training: Training & { steps: number }, browser: Chromium): Promise<string[][]> {
  const watchers: Record<Case, Watcher | undefined> = {
    none: undefined,
    program: readers(),
    empty: watcher(browser, () => browser.openTabs("about:blank", PAGES)),
    tabs: watcher(browser, (url) => browser.openTabs(url, PAGES)),
    windows: watcher(browser, (url) => browser.openWindows(url, PAGES)),
  };
  const cases = Object.keys(CASES) as Case[];
  const cpu = Object.fromEntries(cases.map((name) => [name, [] as number[]])) as Record<Case, number[]>;
  const stepOf = async (name: Case) => {
    const { wholeMs, watcherMs } = await measure(training, watchers[name]);
    cpu[name].push(watcherMs);
    return wholeMs / training.steps;
  };
  const steps = await alternate(
    ROUNDS,
    Object.fromEntries(cases.map((name) => [name, () => stepOf(name)])) as Record<Case, () => Promise<number>>,
  );
  return cases.map((name) => [
    `${training.network}, ${training.shard} images a shard: ${CASES[name]}`,
    ms(steps[name]),
    ...(name === "none" ? ["", ""] : [ratio(steps[name], steps.none), `${digits(median(cpu[name]) / 10)}% of a core`]),
  ]);
}

function watcher(browser: Chromium, open: (url: string) => Promise<void>): Watcher {
  return { open, cpu: () => browser.cpu(), close: () => browser.closePages() };
}

/** What the server does for pages, without what browsers do. */
function readers(): Watcher {
  let child: ChildProcess | null = null;
  return {
    open: async (url) => {
      const program = `for (let n = 0; n < ${PAGES}; n++) require("node:http").get(${JSON.stringify(`${url}api/events`)}, (answer) => answer.resume())`;
      child = spawn(process.execPath, ["-e", program], { stdio: "ignore" });
    },
    cpu: () => familyTimes(child!.pid!),
    close: async () => void child?.kill(),
  };
}
