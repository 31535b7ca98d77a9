/** Debian's Chromium as people have it: tabs of a window, of which one is seen, or windows. Nothing is attached to it while it is measured. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { type CpuTime, familyTimes } from "./cpu.js";

/** What it does by itself, for its maker or its user, is no page's. */
const FLAGS =
  "--headless=new --no-sandbox --no-first-run --disable-extensions --disable-background-networking --disable-component-update --disable-sync --window-size=1280,900 --remote-debugging-port=0";

export class Chromium {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #address: string;
  /** Ids of the tabs that were there at its start. */
  #first: readonly string[] = [];

  private constructor(process: ChildProcess, profile: string, address: string) {
    this.#process = process;
    this.#profile = profile;
    this.#address = address;
  }

  /** With an empty tab, which stays. */
  static async start(): Promise<Chromium> {
    const profile = mkdtempSync(join(tmpdir(), "cnn-dist-chromium-"));
    const words = [...FLAGS.split(" "), `--user-data-dir=${profile}`, "about:blank"];
    const child = spawn("/usr/bin/chromium", words, { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    const port = await new Promise<string>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`Chromium ended: ${said.trim()}`)));
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        const [, found] = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(said) ?? [];
        if (found !== undefined) resolve(found);
      });
    });
    const started = new Chromium(child, profile, `http://127.0.0.1:${port}`);
    started.#first = await started.#pages();
    return started;
  }

  /** One behind the other: the last is seen. */
  async openTabs(url: string, count: number): Promise<void> {
    for (let tab = 0; tab < count; tab++) await fetch(`${this.#address}/json/new?${url}`, { method: "PUT" });
  }

  /** Each is seen. */
  async openWindows(url: string, count: number): Promise<void> {
    const browser = await chromium.connectOverCDP(this.#address);
    const session = await browser.newBrowserCDPSession();
    for (let window = 0; window < count; window++) await session.send("Target.createTarget", { url, newWindow: true });
    await browser.close(); // lets go of it
  }

  /** What was opened since its start. */
  async closePages(): Promise<void> {
    for (const id of await this.#pages())
      if (!this.#first.includes(id)) await fetch(`${this.#address}/json/close/${id}`);
  }

  async #pages(): Promise<string[]> {
    const targets = (await (await fetch(`${this.#address}/json/list`)).json()) as { id: string; type: string }[];
    return targets.filter(({ type }) => type === "page").map(({ id }) => id);
  }

  cpu(): CpuTime {
    return familyTimes(this.#process.pid!);
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill();
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
