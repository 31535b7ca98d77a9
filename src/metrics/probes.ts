/** /healthz and /readyz of a process that has workers and no run: a node. */
import type { RunEvent } from "../events.js";
import { ABLE } from "./run-metrics.js";
import { isReading, pathOf, type Routes, sendText } from "./server.js";

export interface ProbeRoutes {
  routes: Routes;
  observe(event: RunEvent): void;
}

/** Alive while it answers; ready while a worker can take part in the next step. */
export function probeRoutes(): ProbeRoutes {
  const able = new Set<number>();
  return {
    observe(event) {
      if (event.event !== "worker") return;
      if (ABLE.has(event.state)) able.add(event.rank);
      else able.delete(event.rank);
    },
    routes(request, response) {
      const path = pathOf(request);
      if (path !== "/healthz" && path !== "/readyz") return false;
      if (!isReading(request)) sendText(response, 405, "only GET and HEAD\n");
      else if (path === "/healthz") sendText(response, 200, "ok\n");
      else if (able.size > 0) sendText(response, 200, "ready\n");
      else sendText(response, 503, "not ready: no worker is ready\n");
      return true;
    },
  };
}
