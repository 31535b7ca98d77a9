/** What an open page costs the training, and how quick the page of many runs is. */
import { type ChildProcess, spawn } from "node:child_process";
import { type Browser, chromium } from "playwright-core";
import type { Sitting } from "../sitting.js";
import { alternate, ms, printTable, ratio, row } from "../table.js";
import { measure, type Training, type Watching } from "../training.js";

const ROUNDS = 2;
const TABS = 3;
const CASES: readonly (Training & { steps: number })[] = [
  { network: "lenet5", workers: 2, shard: 32, steps: 3000 },
  { network: "vgg13", workers: 2, shard: 64, steps: 16 },
];

export async function page(_: Sitting): Promise<void> {
  const rows: (readonly string[])[] = [["two workers of one thread", "a step, no page", "three pages", "ratio"]];
  for (const training of CASES) {
    const label = `${training.network}, ${training.shard} images a shard`;
    rows.push(
      await row(`${label}: read by a program on this machine`, 4, () => beside(training, readers)),
      await row(`${label}: ${TABS} tabs of a window of Chromium on the same cores, one of them seen`, 4, () =>
        beside(training, tabs(1)),
      ),
      await row(`${label}: ${TABS} windows of it, all of them seen`, 4, () => beside(training, tabs(TABS))),
    );
  }
  printTable("A step while its page is open three times", rows);
}

async function beside(training: Training & { steps: number }, watching: Watching): Promise<readonly string[]> {
  const { alone, watched } = await alternate(ROUNDS, {
    alone: async () => (await measure(training)).wholeMs / training.steps,
    watched: async () => (await measure(training, watching)).wholeMs / training.steps,
  });
  return [ms(alone), ms(watched), ratio(watched, alone)];
}

/** What the server does for three pages, without what browsers do: for those on another machine. */
const readers: Watching = async (url) => {
  const program = `for (let n = 0; n < ${TABS}; n++) require("node:http").get(${JSON.stringify(`${url}api/events`)}, (answer) => answer.resume())`;
  const child: ChildProcess = spawn(process.execPath, ["-e", program], { stdio: "ignore" });
  return async () => {
    child.kill();
  };
};

/** Without a screen Chromium shows every tab; those that are not seen are told so, as a browser tells those behind another. */
const tabs =
  (seen: number): Watching =>
  async (url) => {
    const browser: Browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
    for (let tab = 0; tab < TABS; tab++) {
      const page = await browser.newPage();
      await page.goto(url);
      if (tab >= seen) await page.evaluate(HIDE);
    }
    return () => browser.close();
  };

const HIDE = `Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
  document.dispatchEvent(new Event("visibilitychange"));`;
