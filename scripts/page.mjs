/** The page's code for the browser, in one file and one of styles, beside the server's that serves it: dist/src/web/assets. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** Of all that a browser loads, compressed. */
const MOST_BYTES = 150_000;

/** What differs between the pages, which one file of HTML is filled in with. */
const PAGES = {
  run: { title: "cnn-dist", server: "the run itself" },
  runs: { title: "Runs · cnn-dist", server: "the dashboard itself" },
};

const path = (relative) => fileURLToPath(new URL(`../${relative}`, import.meta.url));
const assets = path("dist/src/web/assets/");

rmSync(assets, { recursive: true, force: true });
mkdirSync(assets, { recursive: true });
await build({
  entryPoints: { page: path("src/web/page/main.ts") },
  outdir: assets,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome110", "firefox110", "safari16.4"],
  legalComments: "inline",
  logLevel: "warning",
});
const html = readFileSync(path("src/web/page/page.html"), "utf8");
for (const [page, words] of Object.entries(PAGES))
  writeFileSync(
    `${assets}${page}.html`,
    html.replace(/\{(\w+)\}/g, (_, name) => ({ page, ...words })[name]),
  );
cpSync(path("src/web/page/icon.svg"), `${assets}icon.svg`);
cpSync(path("node_modules/uplot/LICENSE"), `${assets}LICENSE-uPlot`); // MIT: its text goes with it

const bytes = ["page.js", "page.css"].reduce((sum, name) => sum + gzipSync(readFileSync(`${assets}${name}`)).length, 0);
if (bytes > MOST_BYTES)
  throw new Error(`the page is ${bytes} bytes when compressed; at most ${MOST_BYTES} are allowed`);
