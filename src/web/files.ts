/** The page's own files, as the build left them. */
import { readFile } from "node:fs/promises";
import { isReading, pathOf, type Routes } from "../metrics/server.js";
import { refuse, sendBody } from "./answers.js";

const FOLDER = new URL("./assets/", import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};
const NAMES: ReadonlySet<string> = new Set(["page.js", "page.css", "icon.svg"]);

/** /assets/NAME. */
export const fileRoutes: Routes = async (request, response) => {
  const name = /^\/assets\/([a-z.]+)$/.exec(pathOf(request))?.[1];
  if (name === undefined || !NAMES.has(name)) return false;
  if (!isReading(request)) return refuse(response, 405, "only GET and HEAD");
  return await sendFile(response, name);
};

/** `name`: one of the build's files, never a request's words. */
export async function sendFile(response: Parameters<Routes>[1], name: string): Promise<true> {
  const body = await readFile(new URL(name, FOLDER)).catch(() => null);
  if (body === null) return refuse(response, 404, `the page was not built: ${name} is missing. Run 'npm run build'.`);
  return sendBody(response, 200, TYPES[name.split(".").at(-1)!]!, body);
}
