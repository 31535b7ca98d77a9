/** The page of a folder of runs, in a real browser. Its rows are made up; the records of two runs are files. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { RunEvent } from "../../src/events.js";
import { startServer } from "../../src/metrics/server.js";
import { createDashboard } from "../../src/web/dashboard.js";
import type { RunRow } from "../../src/web/state/run-row.js";
import { assertLooks, openBrowser, openPage, textThat } from "../support/browser.js";
import { DONE, PLAN, STEP } from "../support/run-events.js";
import { FakeRunsFolder, runRow } from "../support/runs-folder.js";
import { temporaryDirectory } from "../support/temporary.js";

const TOKEN = "0123456789abcdef0123456789abcdef";

/** A run that ended, as its records tell it. */
function writeRecords(
  folder: string,
  name: string,
  { lr, steps, weights }: { lr: number; steps: number; weights: string },
): void {
  mkdirSync(join(folder, name, "logs"), { recursive: true });
  const recipe = { ...PLAN.recipe, lr };
  const recipe_sha256 = (lr === 0.01 ? "a" : "c").repeat(64);
  const events: RunEvent[] = [
    { ...PLAN, recipe, recipe_sha256, steps, start_step: 0, resumed_from: null, run_dir: join(folder, name) },
    ...Array.from({ length: steps }, (_, index): RunEvent => {
      const step = index + 1;
      return {
        ...STEP,
        step,
        loss: Math.exp(-step * lr) + 0.05 * Math.sin(step),
        accuracy: 1 - Math.exp(-step * lr),
        lr,
      };
    }),
    {
      event: "eval",
      epoch: 0,
      step: steps,
      loss: 0.3,
      accuracy: 0.8 + lr,
      samples: 10,
      duration_seconds: 1,
      weights: "raw",
      best: true,
    },
    {
      ...DONE,
      event: "done",
      step: steps,
      recipe_sha256,
      weights_sha256: weights.repeat(64),
      held_back: "nothing held it back",
    },
  ];
  const lines = events.map((event, index) => JSON.stringify({ ...event, time: 1_795_900_000 + index }));
  writeFileSync(join(folder, name, "metrics.jsonl"), `${lines.join("\n")}\n`);
}

async function serve(context: TestContext, rows: readonly RunRow[], path: string) {
  const folder = new FakeRunsFolder(path, rows);
  const dashboard = createDashboard({ folder, host: "127.0.0.1", token: TOKEN });
  const server = await startServer({ host: "127.0.0.1", port: 0, routes: [dashboard.routes] });
  context.after(async () => {
    dashboard.close();
    await server.close();
  });
  return { folder, url: server.url };
}

const firstRow = "main tbody tr[data-row]";

test("a thousand runs: sorted, filtered, hidden, deleted, and only those in the window are drawn", async (context) => {
  const path = temporaryDirectory(context);
  const rows = Array.from({ length: 1000 }, (_, index) =>
    runRow({
      name: `run-${String(index).padStart(4, "0")}`,
      run_dir: join(path, `run-${String(index).padStart(4, "0")}`),
      model: ["lenet5", "vgg13", "resnet20"][index % 3]!,
      best_accuracy: index === 77 ? 0.9999 : 0.5 + (index % 400) / 1000,
      loss: 1 / (index + 1),
      started: 1_795_000_000 + index,
      state: index === 999 ? "training" : "done",
      hidden: index === 5,
    }),
  );
  const { url, folder } = await serve(context, rows, path);
  const browser = await openBrowser(context);
  const { page, assertClean } = await openPage(browser, `${url}/#token=${TOKEN}`, /status of 409/);
  await textThat(page, firstRow, (text) => text.includes("run-0999"));
  assert.ok(!page.url().includes(TOKEN), "the token is gone from the address");
  assert.ok((await page.locator(firstRow).count()) < 80);
  await textThat(page, "main [role=status]", (text) => text === "999 of 1,000 runs");

  await context.test("sort and filter", async () => {
    await page.getByRole("button", { name: "best accuracy" }).click();
    await textThat(page, firstRow, (text) => text.includes("run-0077") && text.includes("99.99%"));
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
    assert.equal(folder.rows.length, 1000);
    await page.getByRole("button", { name: "delete run-0001" }).click();
    await page.getByRole("button", { name: "delete it" }).click();
    await textThat(page, "main [role=status]", (text) => text === "999 of 999 runs");
    await page.fill("#words", "run-0999");
    await page.getByRole("button", { name: "delete run-0999" }).click();
    await page.getByRole("button", { name: "delete it" }).click();
    await textThat(page, "[role=alert]", (text) => text.includes("run-0999 is in use"));
    assert.equal(folder.rows.length, 999);
  });

  await context.test("CSV and JSON hold what is shown", async () => {
    const fileOf = async (name: string) => {
      const button = page.getByRole("button", { name, exact: true });
      const [file] = await Promise.all([page.waitForEvent("download"), button.click()]);
      return await readFile((await file.path())!, "utf8");
    };
    assert.match(await fileOf("CSV"), /^name,state[^\r]*\r\nrun-0999,training,[^\r]*\r\n$/);
    assert.deepEqual(JSON.parse(await fileOf("JSON")), [folder.rows.at(-1)]);
  });
  assertClean();
});

test("two runs laid over each other, and their own pages from records", async (context) => {
  const path = temporaryDirectory(context);
  writeRecords(path, "slow-rate", { lr: 0.01, steps: 300, weights: "b" });
  writeRecords(path, "fast-rate", { lr: 0.05, steps: 300, weights: "d" });
  writeRecords(path, "again", { lr: 0.01, steps: 300, weights: "b" });
  const rows = ["slow-rate", "fast-rate", "again"].map((name, index) =>
    runRow({ name, started: 1_795_000_000 + index, run_dir: join(path, name) }),
  );
  const { url } = await serve(context, rows, path);
  const browser = await openBrowser(context);
  const { page, assertClean } = await openPage(browser, `${url}/#token=${TOKEN}`);

  await page.getByLabel("compare slow-rate").check();
  await page.getByLabel("compare fast-rate").check();
  await textThat(
    page,
    "#compare",
    (text) => text.includes("different recipe_sha256") && text.includes("ended in different weights"),
  );
  assert.equal(await page.locator("#compare tbody tr").count(), 1);
  await textThat(page, "#compare table", (text) => /lr0\.010\.05$/.test(text));
  await textThat(page, "#compare .values", (text) =>
    /^step 300: slow-rate [\d.]+ · slow-rate, test 0\.3 · fast-rate /.test(text),
  );
  await page.selectOption("#compare-axis", "epochs");
  await textThat(page, "#compare .values", (text) => text.startsWith("epoch 0.60"));
  await page.selectOption("#compare-axis", "time");
  await textThat(page, "#compare .values", (text) => text.startsWith("2:3"));
  await page.selectOption("#compare-axis", "steps");
  await assertLooks(page, "runs");
  await page.getByLabel("compare fast-rate").uncheck();
  await page.getByLabel("compare again").check();
  await textThat(
    page,
    "#compare",
    (text) => text.includes("same recipe_sha256") && text.includes("ended in the same weights"),
  );
  await textThat(page, "#compare", (text) => text.includes("None: the recipes are the same."));

  await page.getByRole("link", { name: "slow-rate" }).click();
  await textThat(page, "header .state", (text) => text === "done");
  await textThat(page, "#held-back", (text) => text === "nothing held it back");
  await textThat(page, "#curves .values", (text) => text.startsWith("step 300: raw"));
  await textThat(page, "#recipe .hashes", (text) => text.includes("b".repeat(64)));
  await page.getByRole("link", { name: "all runs" }).click();
  await textThat(page, "h1", (text) => text === "Runs");
  assertClean();
});

test("what is not this page's is refused: other names, other methods, no token, other folders", async (context) => {
  const path = temporaryDirectory(context);
  writeRecords(path, "one", { lr: 0.01, steps: 3, weights: "b" });
  writeFileSync(join(path, "secret.png"), "secret");
  const { url, folder } = await serve(context, [runRow({ name: "one" })], path);
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
  assert.equal((await ask("/", { method: "POST" })).status, 405);
  assert.equal((await ask("/api/runs", { method: "DELETE" })).status, 405);
  for (const headers of [{}, { "x-cnn-dist-token": "no" }, { cookie: `token=${TOKEN}` }])
    assert.equal((await ask("/api/delete?run=one", { method: "POST", headers })).status, 403);
  const allowed = { method: "POST", headers: { "x-cnn-dist-token": TOKEN } };
  assert.equal((await ask("/api/delete?run=..", allowed)).status, 404);
  assert.equal(folder.rows.length, 1);
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
  assert.equal(folder.rows[0]?.hidden, true);
});
