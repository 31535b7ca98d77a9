/** The page of a folder of runs, in a real browser. Its rows are made up; the records of two runs are files. */
import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { RunLock } from "../../src/lock/lock.js";
import { startServer } from "../../src/metrics/server.js";
import { readHidden, setHidden } from "../../src/runs/hidden.js";
import type { RunRow } from "../../src/runs/types.js";
import { createDashboard } from "../../src/web/dashboard.js";
import { RunsFolder } from "../../src/web/runs-folder.js";
import { assertLooks, openBrowser, openPage, textThat } from "../support/browser.js";
import { type Recorded, recordRun } from "../support/recorded-runs.js";
import { temporaryDirectory } from "../support/temporary.js";

const TOKEN = "0123456789abcdef0123456789abcdef";

/** A run that ended, in a folder of its own below `path`. With a learning rate, its curves follow that. */
function writeRun(path: string, name: string, given: Recorded): void {
  const dir = join(path, name);
  recordRun(dir, { steps: 300, stepsPerEpoch: 300, ...given });
  const { lr } = given.recipe ?? {};
  if (lr === undefined) return;
  const file = join(dir, "metrics.jsonl");
  const lines = readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const event = JSON.parse(line) as { event: string; step: number };
      if (event.event !== "step" && event.event !== "eval") return line;
      const left = Math.exp(-event.step * lr);
      const noise = event.event === "step" ? 0.03 * Math.sin(7 * event.step) : 0.04;
      return JSON.stringify({ ...event, loss: 0.2 + 2 * left + noise, accuracy: 0.93 - 0.8 * left - noise });
    });
  writeFileSync(file, `${lines.join("\n")}\n`);
}

async function serve(context: TestContext, path: string) {
  const folder = new RunsFolder(path, join(temporaryDirectory(context), "cache"), () => performance.now());
  const dashboard = createDashboard({ folder, host: "127.0.0.1", token: TOKEN });
  const server = await startServer({ host: "127.0.0.1", port: 0, routes: [dashboard.routes] });
  context.after(async () => {
    await dashboard.close();
    await server.close();
  });
  return server.url;
}

const nameOf = (index: number) => `run-${String(index).padStart(4, "0")}`;
const firstRow = "main tbody tr[data-row]";

test("a thousand runs: sorted, filtered, hidden, deleted, and only those in the window are drawn", async (context) => {
  const path = temporaryDirectory(context);
  for (let index = 0; index < 1000; index++) {
    const model = ["lenet5", "vgg13", "resnet20"][index % 3]!;
    const given = { steps: index === 77 ? 40 : 1 + (index % 20), stepsPerEpoch: 1, recipe: { model } };
    writeRun(path, nameOf(index), { ...given, since: 1_795_000_000 + index });
  }
  setHidden(path, nameOf(5), true);
  const used = RunLock.take(join(path, nameOf(999), "lock"));
  context.after(() => used.release());
  const url = await serve(context, path);
  const browser = await openBrowser(context);
  const { page, assertClean } = await openPage(browser, `${url}/#token=${TOKEN}`, /status of 409/);
  await textThat(page, firstRow, (text) => text.includes("run-0999"));
  assert.ok(!page.url().includes(TOKEN), "the token is gone from the address");
  assert.ok((await page.locator(firstRow).count()) < 80);
  await textThat(page, "main [role=status]", (text) => text === "999 of 1,000 runs");

  await context.test("sort and filter", async () => {
    await page.getByRole("button", { name: "best accuracy" }).click();
    await textThat(page, firstRow, (text) => text.includes("run-0077") && text.includes("97.56%"));
    assert.equal(await page.getAttribute("th:has-text('best accuracy')", "aria-sort"), "descending");
    await page.fill("#words", "vgg13 run-01");
    await textThat(page, "main [role=status]", (text) => /^3[34] of 1,000 runs$/.test(text));
    await page.fill("#words", "");
    await page.getByRole("button", { name: "run", exact: true }).click();
    await page.evaluate("document.querySelector('.many').scrollTop = 1e6");
    await textThat(page, "main tbody", (text) => text.includes("run-0999"));
    await page.evaluate("document.querySelector('.many').scrollTop = 0");
  });

  await context.test("hide, show hidden, delete after a question, and not a run in use", async () => {
    await page.getByRole("button", { name: "hide run-0000" }).click();
    await textThat(page, "main [role=status]", (text) => text === "998 of 1,000 runs");
    await page.check("#hidden");
    await textThat(page, "main [role=status]", (text) => text === "1,000 of 1,000 runs");
    await page.getByRole("button", { name: "delete run-0001" }).click();
    assert.match((await page.textContent("dialog")) ?? "", /run-0001: its checkpoints, records and logs are deleted/);
    await page.getByRole("button", { name: "keep it" }).click();
    assert.ok(existsSync(join(path, nameOf(1))));
    await page.getByRole("button", { name: "delete run-0001" }).click();
    await page.getByRole("button", { name: "delete it" }).click();
    await textThat(page, "main [role=status]", (text) => text === "999 of 999 runs");
    await page.fill("#words", "run-0999");
    await page.getByRole("button", { name: "delete run-0999" }).click();
    await page.getByRole("button", { name: "delete it" }).click();
    const refusal = page.locator("[role=alert]", { hasText: "run-0999 is in use by another run" });
    await refusal.waitFor();
    await page.evaluate("document.querySelector('main tbody tr[data-row]').kept = true");
    await page.waitForTimeout(2500); // the rows are asked for again meanwhile
    assert.ok(await refusal.isVisible(), "what was said stays");
    assert.ok(await page.evaluate("document.querySelector('main tbody tr[data-row]').kept"), "so does a row");
    assert.ok(!existsSync(join(path, nameOf(1))));
    assert.ok(existsSync(join(path, nameOf(999))));
  });

  await context.test("CSV and JSON hold what is shown", async () => {
    const fileOf = async (name: string) => {
      const button = page.getByRole("button", { name, exact: true });
      const [file] = await Promise.all([page.waitForEvent("download"), button.click()]);
      return await readFile((await file.path())!, "utf8");
    };
    assert.match(await fileOf("CSV"), /^name,path,state[^\r]*\r\nrun-0999,[^,\r]*,live,[^\r]*\r\n$/);
    const [row, ...none] = JSON.parse(await fileOf("JSON")) as RunRow[];
    assert.deepEqual([row?.name, row?.state, none], ["run-0999", "live", []]);
  });
  assertClean();
});

test("two runs laid over each other, and their own pages from records", async (context) => {
  const path = temporaryDirectory(context);
  writeRun(path, "slow-rate", { recipe: { lr: 0.01 }, since: 1_795_000_000 });
  const other = { recipeSha256: "c".repeat(64), weightsSha256: "d".repeat(64) };
  writeRun(path, "fast-rate", { recipe: { lr: 0.05 }, since: 1_795_000_001, ...other });
  writeRun(path, "again", { recipe: { lr: 0.01 }, since: 1_795_000_002 });
  const url = await serve(context, path);
  const browser = await openBrowser(context);
  const { page, assertClean } = await openPage(browser, `${url}/#token=${TOKEN}`);

  await page.getByLabel("compare slow-rate").check();
  await page.getByLabel("compare fast-rate").check();
  await textThat(page, "#compare", (text) =>
    /recipes are different \(recipe_sha256\): lr\..*weights are different/.test(text),
  );
  assert.equal(await page.locator("#compare tbody tr").count(), 1);
  await textThat(page, "#compare table", (text) => /lr0\.010\.05$/.test(text));
  await textThat(page, "#compare .values", (text) =>
    /^step 300: slow-rate 0.3\d+ · slow-rate, test 0\.3396 · fast-rate 0.2/.test(text),
  );
  await page.selectOption("#compare-axis", "epochs");
  await textThat(page, "#compare .values", (text) => text.startsWith("epoch 1.00"));
  await page.selectOption("#compare-axis", "time");
  await textThat(page, "#compare .values", (text) => text.startsWith("2:30"));
  await page.selectOption("#compare-axis", "steps");
  await assertLooks(page, "runs");
  await page.getByLabel("compare fast-rate").uncheck();
  await page.getByLabel("compare again").check();
  await textThat(page, "#compare", (text) =>
    /recipe is the same \(equal recipe_sha256\).*weights are the same, bit by bit/.test(text),
  );
  await textThat(page, "#compare", (text) => text.includes("None: the recipes are the same."));

  await page.getByRole("link", { name: "slow-rate" }).click();
  await textThat(page, "header .state", (text) => text === "done");
  await textThat(page, "#held-back", (text) => text === "Nothing holds it back");
  await textThat(page, "#curves .values", (text) => text.startsWith("step 300: raw"));
  await textThat(page, "#recipe .hashes", (text) => text.includes("b".repeat(64)));
  await page.getByRole("link", { name: "all runs" }).click();
  await textThat(page, "h1", (text) => text === "Runs");
  assertClean();
});

test("runs that did not end well say so, strange records are passed over, and a run that vanishes is told of", async (context) => {
  const path = temporaryDirectory(context);
  const odd = `it's <b>"odd" & 100% #1?`;
  writeRun(path, "killed", { steps: 5, end: null });
  writeRun(path, "failed", { steps: 5, end: "failed" });
  writeRun(path, odd, { steps: 5 });
  const strange = [{ event: "step", step: 6, loss: null }, { event: "plan" }, { event: "worker", rank: "<img>" }, 7];
  appendFileSync(join(path, odd, "metrics.jsonl"), `${strange.map((each) => JSON.stringify(each)).join("\n")}\n{"ev`);
  mkdirSync(join(path, "nothing"));
  const url = await serve(context, path);
  const browser = await openBrowser(context);
  const { page, assertClean } = await openPage(browser, url, /status of 404/);
  await textThat(page, "details", (text) =>
    /2 notes on what is no run.*nothing: it is empty.*passed over: 2/.test(text),
  );
  const open = async (name: string) => {
    await page.goto(url);
    await page.getByRole("link", { name, exact: true }).click();
  };
  await open("killed");
  await textThat(page, "header", (text) =>
    /killed.*ended without a word.*'cnn-dist resume .*killed' goes on/.test(text),
  );
  await open("failed");
  await textThat(page, "header", (text) => /failed.*It failed: the disk is full/.test(text));
  await open(odd);
  await textThat(page, "header .state", (text) => text === "done");
  await textThat(page, "#log", (text) => text.includes("4 lines of the run's records cannot be shown"));
  await textThat(page, "h1", (text) => text === odd);
  await open("killed");
  await textThat(page, "header .state", (text) => text === "killed");
  rmSync(join(path, "killed"), { recursive: true });
  await textThat(page, "header", (text) => text.includes("There is no news of this run: there is no run killed here"));
  assertClean();
});

test("what is not this page's is refused: other names, other methods, no token, other folders", async (context) => {
  const path = temporaryDirectory(context);
  writeRun(path, "one", { steps: 3 });
  writeFileSync(join(path, "secret.png"), "secret");
  const url = await serve(context, path);
  const ask = (address: string, options: { method?: string; headers?: Record<string, string> } = {}) =>
    new Promise<{ status: number; headers: NodeJS.Dict<string | string[]> }>((resolve, reject) => {
      request({ host: "127.0.0.1", port: new URL(url).port, path: address, ...options }, (answer) => {
        answer.resume();
        answer.once("end", () => resolve({ status: answer.statusCode!, headers: answer.headers }));
      })
        .once("error", reject)
        .end();
    });
  const home = await ask("/");
  assert.equal(home.status, 200);
  assert.match(
    String(home.headers["content-security-policy"]),
    /default-src 'none'; script-src 'self'.*frame-ancestors 'none'/,
  );
  assert.equal((await ask("/", { headers: { host: "evil.example" } })).status, 421);
  assert.equal((await ask("/api/runs", { headers: { host: "evil.example:80" } })).status, 421);
  const bare = await ask("/runs/one?x");
  assert.deepEqual([bare.status, bare.headers.location], [308, "/runs/one/"]);
  assert.equal((await ask("//")).status, 404);
  assert.equal((await ask("/", { method: "POST" })).status, 405);
  assert.equal((await ask("/api/runs", { method: "DELETE" })).status, 405);
  for (const headers of [{}, { "x-cnn-dist-token": "no" }, { cookie: `token=${TOKEN}` }])
    assert.equal((await ask("/api/delete?run=one", { method: "POST", headers })).status, 403);
  const allowed = { method: "POST", headers: { "x-cnn-dist-token": TOKEN } };
  assert.equal((await ask("/api/delete?run=..", allowed)).status, 404);
  assert.ok(existsSync(join(path, "one")));
  for (const address of [
    "/runs/../",
    "/runs/%2e%2e/",
    "/runs/..%2fother/api/log?of=0",
    "/runs/none/",
    "/api/curves?run=..",
  ])
    assert.equal((await ask(address)).status, 404, address);
  for (const file of ["../secret.png", "pictures/step-1/../../../secret.png", "recipe.json"])
    assert.equal((await ask(`/runs/one/api/picture?file=${encodeURIComponent(file)}`)).status, 400, file);
  assert.equal((await ask("/runs/one/api/log?of=..%2f..%2fsecret")).status, 400);
  const rows = await ask("/api/runs");
  assert.equal((await ask("/api/runs", { headers: { "if-none-match": String(rows.headers.etag) } })).status, 304);
  assert.equal((await ask("/api/hide?run=one", allowed)).status, 200);
  assert.ok(readHidden(path).names.has("one"));
});
