/** /metrics for Prometheus, /healthz and /readyz for probes that watch the process. */
import type { Gpu } from "../engine/gpus.js";
import type { RunEvent } from "../events.js";
import { addGpuMetrics } from "./gpus.js";
import type { HttpRefusal } from "./http.js";
import { createRunMetrics } from "./run-metrics.js";
import { isReading, pathOf, type Routes, sendText } from "./server.js";

export interface MetricsRoutes {
  routes: Routes;
  observe(event: RunEvent): void;
  /** A connection or a request of the server was refused. */
  refused(reason: HttpRefusal): void;
}

/** `gpus`: asked at each scrape; absent where there are none. */
export function metricsRoutes({ gpus }: { gpus?: () => Promise<readonly Gpu[]> } = {}): MetricsRoutes {
  const metrics = createRunMetrics();
  const refresh = gpus ? addGpuMetrics(metrics.registry, gpus) : async () => {};
  return {
    observe: metrics.observe,
    refused: metrics.refused,
    async routes(request, response) {
      const path = pathOf(request);
      if (path !== "/metrics" && path !== "/healthz" && path !== "/readyz") return false;
      if (!isReading(request)) sendText(response, 405, "only GET and HEAD\n");
      else if (path === "/healthz") sendText(response, 200, "ok\n");
      else if (path === "/readyz") {
        const reason = metrics.notReady();
        if (reason === null) sendText(response, 200, "ready\n");
        else sendText(response, 503, `not ready: ${reason}\n`);
      } else {
        await refresh();
        sendText(response, 200, await metrics.registry.metrics(), metrics.registry.contentType);
      }
      return true;
    },
  };
}
