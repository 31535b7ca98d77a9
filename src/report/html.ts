/** Pieces of a page, as text. Pure. */
import { DARK, escaped, LIGHT } from "../pictures/svg.js";

/** Text that is markup already. */
export interface Html {
  readonly html: string;
}

/** Words, which become text whatever is in them; or markup. */
export type Cell = string | Html;

export function text(cell: Cell): string {
  return typeof cell === "string" ? escaped(cell) : cell.html;
}

/** Of an SVG, or of what this file made. */
export const html = (markup: string): Html => ({ html: markup });

export function section(title: string, ...body: readonly (Cell | null)[]): string {
  const inner = body.filter((part) => part !== null).map(text);
  return inner.length === 0 ? "" : `<section><h2>${escaped(title)}</h2>${inner.join("\n")}</section>\n`;
}

export const paragraph = (words: string): Html => html(`<p>${escaped(words)}</p>`);

/** `numbers`: columns, from 0, that stand to the right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  numbers: readonly number[] = [],
): Html | null {
  if (rows.length === 0) return null;
  const cell = (tag: "th" | "td") => (content: Cell, column: number) =>
    `<${tag}${numbers.includes(column) ? ' class="number"' : ""}>${text(content)}</${tag}>`;
  const body = rows.map((row) => `<tr>${row.map(cell("td")).join("")}</tr>`).join("\n");
  return html(
    `<div class="wide" tabindex="0"><table><thead><tr>${head.map(cell("th")).join("")}</tr></thead><tbody>\n${body}\n</tbody></table></div>`,
  );
}

/** What is called by a name. */
export function facts(rows: readonly (readonly [name: string, value: Cell] | null)[]): Html | null {
  const shown = rows.filter((row) => row !== null);
  if (shown.length === 0) return null;
  return html(
    `<dl>${shown.map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${text(value)}</dd>`).join("\n")}</dl>`,
  );
}

export const code = (words: string): Html => html(`<code>${escaped(words)}</code>`);

export const figure = (svg: string): Html => html(`<figure class="wide" tabindex="0">${svg}</figure>`);

/** A page that may fetch nothing, from anywhere. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${body}</main>
</body>
</html>
`;
}

const STYLE = `
:root { ${LIGHT}; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 18px; margin: 36px 0 10px; padding-top: 10px; border-top: 1px solid var(--line); }
h3 { font-size: 15px; margin: 18px 0 6px; }
p { margin: 8px 0; max-width: 80ch; }
.muted, th, dt { color: var(--muted); }
.key { display: flex; flex-wrap: wrap; gap: 8px 36px; margin: 18px 0; }
.key div { display: flex; flex-direction: column; }
.key b { font-size: 22px; font-weight: 600; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; }
th, td { text-align: left; font-weight: normal; padding: 4px 16px 4px 0; vertical-align: top; border-bottom: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
dl { display: grid; grid-template-columns: minmax(110px, max-content) 1fr; gap: 4px 18px; margin: 8px 0; }
dd { margin: 0; overflow-wrap: anywhere; }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 13px; overflow-wrap: anywhere; }
figure { margin: 14px 0; }
@media (max-width: 600px) { dl { grid-template-columns: 1fr; } dd { margin-bottom: 6px; } }
@media print {
  :root { ${LIGHT} }
  @page { margin: 14mm; }
  body { font-size: 11pt; }
  main { max-width: none; padding: 0; }
  h2, h3 { break-after: avoid; }
  figure, tr { break-inside: avoid; }
  .wide { overflow: visible; }
  svg { max-width: 100%; height: auto; max-height: 240mm; }
}
`;
