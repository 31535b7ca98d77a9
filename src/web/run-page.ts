/** The page of a run that this process trains. */
import { join } from "node:path";
import type { RunEvent } from "../events.js";
import type { Routes } from "../metrics/server.js";
import { fileRoutes } from "./files.js";
import { readHistoryApart, sizeOf } from "./history.js";
import { LiveRun } from "./live-run.js";
import { answerRun, guarded } from "./run-routes.js";

export interface RunPage {
  routes: Routes;
  observe(event: RunEvent): void;
  /** Whether somebody looks who would be shown the next step's timeline. */
  wantsTimeline(): boolean;
  close(): Promise<void>;
}

/** `host`: what is listened at. What the run's records hold already is read beside the training. */
export function createRunPage({ runDir, host }: { runDir: string; host: string }): RunPage {
  const records = join(runDir, "metrics.jsonl");
  const bytes = sizeOf(records);
  const run = new LiveRun({ history: bytes === 0 ? null : readHistoryApart(records, bytes), now: Date.now });
  const routes: Routes = async (request, response) =>
    (await fileRoutes(request, response)) || (await answerRun({ feed: run, runDir, prefix: "" }, request, response));
  return {
    routes: guarded(routes, host, (path) => path === "/" || path.startsWith("/api/") || path.startsWith("/assets/")),
    observe: (event) => run.observe(event),
    wantsTimeline: () => run.wantsTimeline(),
    close: () => run.close(),
  };
}
