/** A drawing as SVG, to stand in a page: its colours follow the page's, light or dark. Pure. */
import type { Drawing, Ink, Mark, Raster } from "./drawing.js";
import { encodePng } from "./png.js";
import { resized } from "./tiles.js";

/** `standalone`: a file of its own, with colours and paper of its own. */
export function svgOf(drawing: Drawing, { standalone }: { standalone: boolean }): string {
  const { width, height, title, marks } = drawing;
  const style = standalone ? `<style>${STYLE}</style><rect width="100%" height="100%" fill="var(--paper)"/>` : "";
  const shown = standalone ? ` width="${width}" height="${height}"` : "";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}"${shown} role="img" aria-label="${escaped(title)}" font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace">${style}${marks.map(markOf).join("")}</svg>`;
}

/** The variables that a page with drawings sets. */
export const LIGHT =
  "--paper:#ffffff;--ink:#1b1f24;--muted:#59636e;--line:#c9d1d9;--good:#0b6e4f;--bad:#b3261e;--first:#0072b2;--second:#b84a00;--third:#00704f";
export const DARK =
  "--paper:#14181d;--ink:#e6e9ec;--muted:#9aa4af;--line:#39424c;--good:#4fc99a;--bad:#ff8a80;--first:#56b4e9;--second:#f0a35e;--third:#3fd0a4";
const STYLE = `svg{${LIGHT}}@media(prefers-color-scheme:dark){svg{${DARK}}}`;

function markOf(mark: Mark): string {
  switch (mark.kind) {
    case "box":
      return `<rect x="${short(mark.x)}" y="${short(mark.y)}" width="${short(mark.width)}" height="${short(mark.height)}" fill="${colorOf(mark.fill)}"/>`;
    case "image":
      return imageOf(mark);
    case "text": {
      const anchor = { left: "", middle: ' text-anchor="middle"', right: ' text-anchor="end"' }[mark.align];
      return `<text x="${short(mark.x)}" y="${short(mark.y)}" font-size="${mark.size}"${anchor} fill="${colorOf(mark.ink)}" xml:space="preserve">${escaped(mark.text)}</text>`;
    }
    case "line":
      return `<polyline points="${mark.points.map(([x, y]) => `${short(x)},${short(y)}`).join(" ")}" fill="none" stroke="${colorOf(mark.ink)}" stroke-width="${mark.width}" stroke-linejoin="round"/>`;
  }
}

/** Not finer than the sheet shows it: a page of photographs would weigh many megabytes. */
function imageOf({ x, y, width, height, image }: Extract<Mark, { kind: "image" }>): string {
  const [columns, rows] = [Math.min(image.width, Math.ceil(width)), Math.min(image.height, Math.ceil(height))];
  const small: Raster = resized(image, columns, rows);
  const data = Buffer.from(encodePng(small)).toString("base64");
  return `<image x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}" preserveAspectRatio="none" style="image-rendering:pixelated" href="data:image/png;base64,${data}"/>`;
}

function colorOf(ink: Ink): string {
  return ink.startsWith("#") ? ink : `var(--${ink})`;
}

function short(value: number): number {
  return Math.round(100 * value) / 100;
}

/** Text in XML and HTML, in attributes as well. */
export function escaped(words: string): string {
  return (
    words
      .replace(/&/g, "&amp;")
      .replace(/</g, "&lt;")
      .replace(/>/g, "&gt;")
      .replace(/"/g, "&quot;")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are not allowed in XML
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "\ufffd")
  );
}
