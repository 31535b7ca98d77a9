/** What the page of one run asks for. */

import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { isReading, pathOf, queryOf, type Routes } from "../metrics/server.js";
import { beginStream, RUN_HEADER, refuse, sendBody, sendJson } from "./answers.js";
import { dashboardAddress } from "./dashboard-address.js";
import { sendFile } from "./files.js";
import { isOwnHost } from "./host.js";
import { logTail } from "./log-tail.js";
import type { RunState } from "./state/run-state.js";
import { usualRecipe } from "./usual-recipe.js";

/** Where a run's events come from: the process itself, or its records. */
export interface RunFeed {
  /** Server-sent events: `state`, the whole of it, and then lists of entries. */
  open(response: ServerResponse): Promise<true>;
  plan(): Promise<RunState["plan"]>;
}

/** `prefix`: of the paths, "" or "/runs/NAME". `runDir`: whose logs are shown. */
export async function answerRun(
  { feed, runDir, prefix }: { feed: RunFeed; runDir: string; prefix: string },
  ...[request, response]: Parameters<Routes>
): Promise<boolean> {
  const path = pathOf(request);
  if (!path.startsWith(`${prefix}/`)) return false;
  const query = queryOf(request);
  switch (path.slice(prefix.length)) {
    case "/":
      return await sendFile(response, "run.html");
    case "/api/events":
      response.setHeader(RUN_HEADER, encodeURIComponent(runDir));
      if (request.method !== "HEAD") return await feed.open(response);
      beginStream(response);
      response.end();
      return true;
    case "/api/usual": {
      const plan = await feed.plan();
      return sendJson(response, plan && usualRecipe(plan.recipe, plan.workers));
    }
    case "/api/log": {
      const text = await logTail(runDir, query.get("of") ?? "");
      if (text === null) return refuse(response, 400, "of=coordinator, or of=N with the number of a rank");
      return sendBody(response, 200, "text/plain; charset=utf-8", text);
    }
    case "/api/dashboard":
      return sendJson(response, dashboardAddress(dirname(runDir)));
    case "/api/picture":
      return await sendPicture(response, runDir, query.get("file") ?? "");
    default:
      return false;
  }
}

/** Of the run's folder, and no other file of it. */
async function sendPicture(response: ServerResponse, runDir: string, file: string): Promise<true> {
  if (!/^pictures\/step-\d+\/[a-z0-9-]+\.png$/.test(file))
    return refuse(response, 400, "file=pictures/step-N/NAME.png");
  const body = await readFile(join(runDir, file)).catch(() => null);
  return body === null ? refuse(response, 404, `there is no ${file}`) : sendBody(response, 200, "image/png", body);
}

/** Refuses what a page of another site might send: names that are not this machine's, and anything but reading and `isChange`. */
export function guarded(
  routes: Routes,
  listeningAt: string,
  isPagePath: (path: string) => boolean,
  isChange: (request: IncomingMessage) => boolean = () => false,
): Routes {
  const names = [hostname().toLowerCase(), listeningAt.toLowerCase()];
  return (request, response) => {
    if (!isPagePath(pathOf(request))) return false;
    if (!isOwnHost(request.headers.host, names))
      return refuse(
        response,
        421,
        `this machine is not known as "${request.headers.host ?? ""}" here: open the page by its address, or by localhost`,
      );
    if (!isReading(request) && !isChange(request)) return refuse(response, 405, "only GET and HEAD");
    return routes(request, response);
  };
}
