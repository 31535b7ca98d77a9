/** How quick the page of a thousand runs is. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Browser, chromium, type Page } from "playwright-core";
import { execute, ROOT, type Sitting } from "../sitting.js";
import { ms, printTable } from "../table.js";

const RUNS = 1000;
const STEPS = 2000;
const BIN = join(ROOT, "bin/cnn-dist.js");
/** In the page: what something takes until the frame after it was painted. */
const TIMED =
  "(act) => new Promise((resolve) => { const begun = performance.now(); act(); requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begun))); })";
const ACTIONS = {
  "sort by accuracy": "document.querySelector('[aria-sort] button').click()",
  "filter by a word":
    "{ const words = document.querySelector('#words'); words.value = 'run-07'; words.dispatchEvent(new Event('input')); }",
  "take the filter away":
    "{ const words = document.querySelector('#words'); words.value = ''; words.dispatchEvent(new Event('input')); }",
  "scroll to the middle": "document.querySelector('.many').scrollTop = 17000",
  "scroll to the end": "document.querySelector('.many').scrollTop = 1e6",
} as const;

export async function runsPage(_: Sitting): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "cnn-dist-bench-"));
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  const started: Opened[] = [];
  const open = async (folder: string) => {
    const dashboard = await opened(browser, folder, scratch);
    started.push(dashboard);
    return dashboard;
  };
  try {
    const folder = await thousandRuns(scratch);
    const cold = await open(folder);
    await cold.end();
    const warm = await open(folder);
    const rows: string[][] = [
      ["the page of the runs", "until it is painted"],
      ["first row, nothing known of the folder", ms([cold.firstRowMs])],
      ["first row, summaries in the cache", ms([warm.firstRowMs])],
      ["first paint", ms([await firstPaint(warm.page)])],
    ];
    for (const [name, act] of Object.entries(ACTIONS))
      rows.push([name, ms([(await warm.page.evaluate(`(${TIMED})(() => ${act})`)) as number])]);
    rows.push(["two runs laid over each other, with reading their records", ms([await compared(warm.page)])]);
    printTable(`${RUNS} runs of ${STEPS} steps`, rows);
  } finally {
    for (const dashboard of started) await dashboard.end();
    await browser.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** One run that was made, and a thousand that differ from it in their seed: their records are one file, and read as many. */
async function thousandRuns(scratch: string): Promise<string> {
  const first = join(scratch, "first");
  const data = ["height=28", "width=28", "channels=1", "train=2048", "test=64"];
  await execute(process.execPath, [
    BIN,
    ...["launch", "--model", "lenet5", "--dataset", "synthetic", "--workers", "2", "--device", "cpu", "--quiet"],
    ...data.flatMap((option) => ["--dataset-option", option]),
    ...["--batch-size", "64", "--steps", String(STEPS), "--evaluate-every-epochs", "10", "--run-dir", first],
  ]);
  const recipe = JSON.parse(readFileSync(join(first, "recipe.json"), "utf8")) as Record<string, unknown>;
  const folder = join(scratch, "runs");
  for (let run = 0; run < RUNS; run++) {
    const dir = join(folder, `run-${String(run).padStart(4, "0")}`);
    mkdirSync(join(dir, "checkpoints"), { recursive: true });
    cpSync(join(first, "page.json"), join(dir, "page.json"));
    writeFileSync(join(dir, "recipe.json"), JSON.stringify({ ...recipe, seed: run }));
    linkSync(join(first, "metrics.jsonl"), join(dir, "metrics.jsonl"));
  }
  return folder;
}

interface Opened {
  page: Page;
  firstRowMs: number;
  end(): Promise<void>;
}

async function opened(browser: Browser, folder: string, scratch: string): Promise<Opened> {
  const env = { ...process.env, CNN_DIST_CACHE: join(scratch, "cache") };
  const child: ChildProcess = spawn(process.execPath, [BIN, "dashboard", folder], {
    env,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  const begun = performance.now();
  const [url] = await new Promise<string[]>((resolve) =>
    createInterface(child.stdout!).once("line", (line) => resolve([line])),
  );
  const listedMs = performance.now() - begun;
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const asked = performance.now();
  await page.goto(url!);
  await page.waitForSelector("tr[data-row]");
  // The folder is read before the address is told; starting Node is no part of the page.
  const firstRowMs = performance.now() - asked;
  process.stderr.write(`the address came after ${listedMs.toFixed(0)} ms\n`);
  return {
    page,
    firstRowMs,
    async end() {
      await page.close();
      child.kill("SIGINT");
      await ended;
    },
  };
}

async function firstPaint(page: Page): Promise<number> {
  return (await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN")) as number;
}

async function compared(page: Page): Promise<number> {
  return (await page.evaluate(`new Promise((resolve) => {
    const begun = performance.now();
    for (const box of [...document.querySelectorAll(".many input[type=checkbox]")].slice(1, 3)) box.click();
    const look = () =>
      document.querySelector("#compare canvas") ? resolve(performance.now() - begun) : requestAnimationFrame(look);
    look();
  })`)) as number;
}
