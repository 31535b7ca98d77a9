/** The page of a folder of runs: its table, each run's own page, and what two runs have in common. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { CnnDistError } from "../errors.js";
import { isReading, pathOf, queryOf, type Routes } from "../metrics/server.js";
import { isLive } from "../runs/list.js";
import { redirect, refuse, sendJson } from "./answers.js";
import { fileRoutes, sendFile } from "./files.js";
import { passOn } from "./pass-on.js";
import { RecordedRun } from "./recorded-run.js";
import { answerRun, guarded } from "./run-routes.js";
import type { RunsFolder } from "./runs-folder.js";
import type { RunCurves } from "./state/run-curves.js";

export interface Dashboard {
  routes: Routes;
  close(): Promise<void>;
}

/** Runs whose records are kept in memory: those that somebody looks at or compares. */
const MAX_KEPT = 32;
/** With what the page was opened; another site's page cannot send it. */
const TOKEN_HEADER = "x-cnn-dist-token";

export function createDashboard({
  folder,
  host,
  token,
}: {
  folder: RunsFolder;
  host: string;
  token: string;
}): Dashboard {
  const runs = new KeptRuns();
  const routes: Routes = async (request, response) => {
    if (await fileRoutes(request, response)) return true;
    const path = pathOf(request);
    if (!isReading(request)) return await change(folder, token, request, response);
    if (path === "/") return await sendFile(response, "runs.html");
    if (path === "/api/runs") return await sendRows(folder, request, response);
    if (/^\/runs\/[^/]+$/.test(path)) return redirect(response, `${path}/`);
    const asked = queryOf(request).getAll("run");
    if (path === "/api/compare") return await compare(folder, asked, response);
    const found = runIn(path);
    const name = found?.name ?? asked[0];
    if (name === undefined) return false;
    const runDir = await folder.pathOf(name);
    if (runDir === null) return refuse(response, 404, `there is no run ${name} here`);
    const run = runs.of(runDir);
    if (path === "/api/curves") return sendJson(response, await curvesOf(name, run));
    if (found === null) return false;
    const live = path === `${found.prefix}/api/events` && request.method === "GET" && isLive(runDir);
    if (live && (await passOn(runDir, response))) return true;
    return await answerRun({ feed: run, runDir, prefix: found.prefix }, request, response);
  };
  return {
    routes: guarded(routes, host, () => true, isChange),
    close: () => runs.close(),
  };
}

const isChange = (request: IncomingMessage) =>
  request.method === "POST" && ["/api/hide", "/api/show", "/api/delete"].includes(pathOf(request));

/** Of /runs/NAME/…, as the name is written there; null: another path. */
function runIn(path: string): { name: string; prefix: string } | null {
  const [prefix, written] = /^\/runs\/([^/]+)(?=\/)/.exec(path) ?? [];
  if (prefix === undefined || written === undefined) return null;
  try {
    return { name: decodeURIComponent(written), prefix };
  } catch {
    return null;
  }
}

/** Not sent again where nothing changed. */
async function sendRows(folder: RunsFolder, request: IncomingMessage, response: ServerResponse): Promise<true> {
  const body = await folder.list();
  const tag = `"${createHash("sha256").update(JSON.stringify(body)).digest("hex").slice(0, 32)}"`;
  response.setHeader("etag", tag);
  if (request.headers["if-none-match"] !== tag) return sendJson(response, body);
  response.writeHead(304).end();
  return true;
}

async function compare(folder: RunsFolder, names: readonly string[], response: ServerResponse): Promise<true> {
  const paths = await Promise.all(names.map((name) => folder.pathOf(name)));
  const missing = names.filter((_, index) => paths[index] === null);
  if (missing.length > 0) return refuse(response, 404, `there is no run ${missing.join(", ")} here`);
  return sendJson(response, folder.compare(paths.filter((path) => path !== null)));
}

async function curvesOf(name: string, run: RecordedRun): Promise<RunCurves> {
  const { plan, curves, tests } = await run.state();
  return { name, stepsPerEpoch: plan?.steps_per_epoch ?? 1, curves, tests };
}

/** Hides a run, shows it again, or deletes it. */
async function change(
  folder: RunsFolder,
  token: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<true> {
  if (!isToken(request.headers[TOKEN_HEADER], token))
    return refuse(response, 403, "open the page by the address that 'cnn-dist dashboard' printed, which holds a token");
  const name = queryOf(request).get("run") ?? "";
  if ((await folder.pathOf(name)) === null) return refuse(response, 404, `there is no run ${name} here`);
  try {
    if (pathOf(request) === "/api/delete") await folder.remove(name);
    else await folder.hide(name, pathOf(request) === "/api/hide");
    return sendJson(response, { name });
  } catch (error) {
    if (error instanceof CnnDistError) return refuse(response, 409, error.message);
    throw error;
  }
}

/** In a time that tells nothing of the token. */
function isToken(given: string | string[] | undefined, token: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return typeof given === "string" && timingSafeEqual(digest(given), digest(token));
}

/** Records that were read stay for a while, so that what was added to them is all that is read next time. */
class KeptRuns {
  readonly #kept = new Map<string, RecordedRun>();

  of(runDir: string): RecordedRun {
    const run = this.#kept.get(runDir) ?? new RecordedRun(join(runDir, "metrics.jsonl"), () => isLive(runDir));
    this.#kept.delete(runDir);
    this.#kept.set(runDir, run); // the newest are last
    for (const [other, old] of this.#kept) {
      if (this.#kept.size <= MAX_KEPT) break;
      if (!old.watched) this.#kept.delete(other);
    }
    return run;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#kept.values()].map((run) => run.close()));
  }
}
