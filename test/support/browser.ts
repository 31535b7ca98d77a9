/** A real Chromium, Debian's, and what every page of ours must hold to in it. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";

/** Where pictures of the pages go: docs/pictures when they are to be made new (CNN_DIST_PICTURES). */
const PICTURES = process.env.CNN_DIST_PICTURES ?? join(tmpdir(), "cnn-dist-pages");
const WIDTHS = { wide: 1280, narrow: 390 } as const;

export async function openBrowser(context: TestContext): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  context.after(() => browser.close());
  return browser;
}

export interface Watched {
  page: Page;
  /** Fails where a request left the page's origin, or the page had an error of its own. */
  assertClean(): void;
}

/** `expected`: errors of the console that are none of the page's, such as a connection that a test ends. */
export async function openPage(browser: Browser, url: string, expected: RegExp = /$^/): Promise<Watched> {
  const page = await browser.newPage({ viewport: { width: WIDTHS.wide, height: 900 }, reducedMotion: "reduce" });
  const elsewhere: string[] = [];
  const errors: string[] = [];
  const { origin } = new URL(url);
  page.on("request", (request) => {
    if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith("data:")) elsewhere.push(request.url());
  });
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !expected.test(message.text())) errors.push(message.text());
  });
  await page.goto(url);
  return {
    page,
    assertClean() {
      assert.deepEqual(elsewhere, [], "no request leaves the origin");
      assert.deepEqual(errors, []);
    },
  };
}

/** Serious and critical findings of axe-core, each with where it is. */
export async function accessibilityFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source); // the page's policy forbids a script that is added to it
  const { violations } = (await page.evaluate("axe.run()")) as axe.AxeResults;
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, help, nodes }) =>
        `${id}: ${help}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("; ")}`,
    );
}

/** In light and dark, wide and narrow: axe-core finds nothing serious, nothing is wider than the window, and a picture is made. */
export async function assertLooks(page: Page, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const [words, width] of Object.entries(WIDTHS)) {
      await page.setViewportSize({ width, height: 900 });
      const right = (await page.evaluate("document.documentElement.scrollWidth")) as number;
      assert.ok(right <= width, `${name} ${colorScheme} ${words} is ${right} pixels wide in a window of ${width}`);
      assert.deepEqual(await accessibilityFindings(page), [], `${name} ${colorScheme} ${words}`);
      await page.screenshot({ path: join(PICTURES, `${name}-${colorScheme}-${words}.png`), fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: WIDTHS.wide, height: 900 });
}

/** The text of an element, once it fits; the error names what was there last. */
export async function textThat(
  page: Page,
  selector: string,
  fits: (text: string) => boolean,
  timeoutMs = 30_000,
): Promise<string> {
  const deadline = Date.now() + timeoutMs;
  let text = "";
  for (;;) {
    text = (await page.textContent(selector, { timeout: timeoutMs })) ?? "";
    if (fits(text)) return text;
    assert.ok(Date.now() < deadline, `after ${timeoutMs} ms, ${selector} says: ${text}`);
    await page.waitForTimeout(50);
  }
}
