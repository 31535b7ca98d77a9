/** The page of a run that trains, in a real browser. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { accessibilityFindings, assertLooks, openBrowser, openPage, textThat } from "../support/browser.js";
import { type CliRun, cli, scratch } from "../support/runs.js";

/** Steps of some milliseconds, and more of them than anybody waits for. */
const FLAGS = ["--model", "lenet5", "--gpus", "2", "--steps", "100000", "--checkpoint-every-steps", "100", "--json"];

async function pageOf(run: CliRun): Promise<string> {
  const plan = await run.waitFor((event) => event.event === "plan");
  assert.ok(plan.event === "plan" && plan.page_url !== null);
  return plan.page_url;
}

/** "1,234 of 100,000" as 1234. */
const stepIn = (text: string) => Number(/step([\d,]+) of/.exec(text)?.[1]?.replaceAll(",", "") ?? Number.NaN);

test("a run's page fills and moves, tells a death and what it cost within 2 seconds, and survives resume", async (context) => {
  const browser = await openBrowser(context);
  const runDir = join(scratch(context), "run");
  const run = await cli(["launch", ...FLAGS, "--run-dir", runDir]);
  context.after(() => run.child.kill("SIGKILL"));
  const url = await pageOf(run);
  // The browser says so itself when the run ends.
  const { page, assertClean } = await openPage(browser, url, /ERR_(CONNECTION|INCOMPLETE|EMPTY)/);

  await context.test("it fills and moves", async () => {
    const first = await textThat(page, ".figures", (text) => stepIn(text) > 20);
    await textThat(page, ".figures", (text) => stepIn(text) > stepIn(first) + 20);
    await textThat(page, "#curves .values", (text) => /step [\d,]+: raw [\d.]+ · smoothed [\d.]+/.test(text));
    assert.ok((await page.locator("#curves canvas").count()) >= 6);
    assert.equal(await page.locator("#workers tbody tr", { hasText: "working" }).count(), 2);
    await textThat(page, "#recipe .hashes", (text) =>
      /recipe_sha256[0-9a-f]{64}.*weights_sha256|recipe_sha256[0-9a-f]{64}/.test(text),
    );
    await textThat(page, "#recipe", (text) => text.includes("differ from lenet5's usual recipe"));
    assert.match((await page.textContent("#plan")) ?? "", /fashion-mnist/);
  });

  await context.test("it shows which shard was computed when, measured", async () => {
    await textThat(page, "#steps", (text) => /steps [\d,]+ to [\d,]+, measured/.test(text));
    await textThat(page, "#steps", (text) => /Step [\d,]+: rank \d ended last; rank \d waited for it/.test(text));
    assert.ok((await page.locator(".timeline rect.backward").count()) >= 4);
    assert.match((await page.textContent(".timeline rect.forward title")) ?? "", /^forward, shard \d: /);
  });

  await context.test("a worker is killed: its restart and the cause are there within 2 seconds", async () => {
    const worker = run.events.findLast((event) => event.event === "worker" && event.rank === 1 && event.pid !== null);
    assert.ok(worker?.event === "worker" && worker.pid !== null);
    process.kill(worker.pid, "SIGKILL");
    await Promise.all([
      textThat(page, "#workers", (text) => text.includes("its process was ended by SIGKILL"), 2000),
      page
        .locator("#workers tbody tr", { hasText: /rank 1.*(starting|joining|tracing|ready|working).*1/ })
        .first()
        .waitFor({ timeout: 2000 }),
    ]);
    await textThat(page, "#workers", (text) =>
      /(no shard was under way|computed again by others).*a worker less for/.test(text),
    );
  });

  await context.test("the log's last lines of a rank, and the keyboard", async () => {
    await page.selectOption("#log-of", "1");
    await textThat(page, "#log pre", (text) => /rank 1, incarnation 1/.test(text));
    await page.locator("#curves .plot").first().focus();
    const before = await page.textContent("#curves .values");
    await page.keyboard.press("PageUp");
    assert.notEqual(await page.textContent("#curves .values"), before);
    await page.locator("#smoothing").focus();
    await page.keyboard.press("Home");
    await textThat(page, "#curves output", (text) => text === "0.00");
    await page.fill("#smoothing", "0.9");
    await page.locator("h1").click();
  });

  await context.test("the dashboard of its folder shows it live, and its own page links to that", async () => {
    const dashboard = await cli(["dashboard", dirname(runDir)]);
    context.after(() => dashboard.child.kill("SIGKILL"));
    while (!dashboard.stdout().includes("\n")) await page.waitForTimeout(50);
    const all = await openPage(browser, dashboard.stdout().trim());
    await textThat(all.page, "main tbody", (text) => text.includes("runlive"));
    await all.page.getByRole("link", { name: "run", exact: true }).click();
    const first = await textThat(all.page, ".figures", (text) => stepIn(text) > 0);
    await textThat(all.page, ".figures", (text) => stepIn(text) > stepIn(first) + 20);
    // What no records have: the run's own page tells it.
    await textThat(all.page, "#workers tbody", (text) => /rank 0.* MB.*rank 1.* MB/.test(text));
    await textThat(all.page, "#held-back", (text) => text !== "");
    await textThat(all.page, "#steps", (text) => /steps [\d,]+ to [\d,]+, measured/.test(text));
    all.assertClean();
    const own = await openPage(browser, url);
    await own.page.getByRole("link", { name: "all runs" }).waitFor();
    await all.page.close();
    await own.page.close();
    dashboard.child.kill("SIGINT");
    assert.equal((await dashboard.ended).code, 0, dashboard.stderr());
  });

  await context.test("light and dark, wide and narrow", async () => {
    await textThat(page, "#checkpoints", (text) => text.includes("step-"));
    await assertLooks(page, "run");
  });

  await context.test("it ends with the run, and goes on with it when it is resumed", async () => {
    run.child.kill("SIGTERM");
    assert.equal((await run.ended).code, 75, run.stderr());
    await textThat(page, "header .state", (text) => text === "stopped");
    await textThat(page, "#recipe .hashes", (text) => /weights_sha256[0-9a-f]{64}/.test(text));
    const stopped = stepIn((await page.textContent(".figures")) ?? "");

    const resumed = await cli(["resume", runDir, "--gpus", "2", "--json"]);
    context.after(() => resumed.child.kill("SIGKILL"));
    assert.equal(await pageOf(resumed), url, "it is at the address where the open page asks");
    await textThat(page, ".figures", (text) => stepIn(text) > stopped + 20);
    await textThat(page, "header .state", (text) => text === "training");
    await textThat(page, "#plan", (text) => text.includes(`resumed after step ${stopped.toLocaleString("en-US")}`));

    const late = await openPage(browser, url);
    const curve = await textThat(late.page, "#curves .values", (text) => /^step/.test(text));
    assert.ok(curve.startsWith("step"));
    await late.page.locator("#curves .plot").first().focus();
    for (let turn = 0; turn < 60; turn++) await late.page.keyboard.press("PageUp");
    await textThat(late.page, "#curves .values", (text) => /^step [1-8]:/.test(text));
    assert.match((await late.page.textContent("#workers")) ?? "", /its process was ended by SIGKILL/);
    late.assertClean();
    resumed.child.kill("SIGTERM");
    assert.equal((await resumed.ended).code, 75, resumed.stderr());
  });
  assert.deepEqual(await accessibilityFindings(page), []);
  assertClean();
});
