/** Lines at the bottom of a terminal that are drawn over in place, at most ten times a second. */
import type { Writable } from "node:stream";

export type TerminalStream = Writable & { isTTY?: boolean; columns?: number; rows?: number };

const REDRAW_MS = 100;

export class LiveRegion {
  readonly #stream: TerminalStream;
  #shown: readonly string[] = [];
  #render: ((width: number) => string[]) | null = null;
  #timer: NodeJS.Timeout | null = null;
  #lastMs = 0;

  constructor(stream: TerminalStream) {
    this.#stream = stream;
  }

  /** `render` gives lines of at most `width` characters; it is called when it is time to draw. */
  draw(render: (width: number) => string[]): void {
    this.#render = render;
    if (this.#timer) return;
    const wait = Math.max(0, this.#lastMs + REDRAW_MS - Date.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#paint();
    }, wait);
  }

  /** Writes a line that stays, above the region. */
  above(line: string): void {
    this.#stream.write(`${this.#erase()}${line}\n`);
    this.#shown = [];
    this.#paint();
  }

  clear(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#render = null;
    const erased = this.#erase();
    if (erased !== "") this.#stream.write(erased);
    this.#shown = [];
  }

  #paint(): void {
    if (!this.#render) return;
    this.#lastMs = Date.now();
    const all = this.#render((this.#stream.columns ?? 80) - 1);
    // What has scrolled out of the terminal cannot be drawn over: the last lines, which hold the bar, are kept.
    const lines = all.slice(-Math.max(1, (this.#stream.rows ?? 24) - 1));
    this.#stream.write(`${this.#erase()}${lines.map((line) => `${line}\n`).join("")}`);
    this.#shown = lines;
  }

  /** Rows are counted again, since the terminal may have become narrower and wrapped what was drawn. */
  #erase(): string {
    const width = this.#stream.columns ?? 80;
    const rows = this.#shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / width)), 0);
    return rows === 0 ? "" : `\u001b[${rows}A\u001b[J`;
  }
}
