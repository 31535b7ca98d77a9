/** A run's report, opened from disk with the network off. */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { assertLooks, openBrowser } from "../support/browser.js";
import { cli, scratch } from "../support/runs.js";

test("a report opens from disk without a network, looks right, and weighs little", async (context) => {
  const runDir = join(scratch(context), "run");
  const words = ["launch", "--model", "lenet5", "--gpus", "2", "--steps", "40", "--device", "cpu", "--run-dir", runDir];
  const run = await cli(words);
  assert.equal((await run.ended).code, 0, run.stderr());
  const report = await cli(["report", runDir, "--json", "--device", "cpu"]);
  assert.equal((await report.ended).code, 0, report.stderr());
  const { output, pictures } = JSON.parse(report.stdout());
  assert.equal(pictures, 6);
  assert.ok(statSync(output).size < 3e6);
  const browser = await openBrowser(context);
  const browserContext = await browser.newContext({ offline: true });
  const page = await browserContext.newPage();
  const wrong: string[] = [];
  page.on("request", (request) => {
    if (!/^(file|data):/.test(request.url())) wrong.push(request.url());
  });
  page.on("requestfailed", (request) => wrong.push(request.url()));
  page.on("console", (message) => wrong.push(message.text()));
  await page.goto(pathToFileURL(output).href);
  assert.equal(await page.locator("figure svg").count(), 7);
  const images = (await page.evaluate(
    "Promise.all([...document.querySelectorAll('image')].map((image) => image.decode().then(() => true, () => false)))",
  )) as boolean[];
  assert.ok(images.length > 30 && images.every(Boolean), `${images.length} images`);
  await assertLooks(page, "report");
  assert.deepEqual(wrong, []);
});
