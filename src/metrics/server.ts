/** /metrics for Prometheus, /healthz and /readyz for probes that watch the process. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Gpu } from "../engine/gpus.js";
import { messageOf, UsageError } from "../errors.js";
import type { RunEvent } from "../events.js";
import { addGpuMetrics } from "./gpus.js";
import { createRunMetrics, type RunMetrics } from "./run-metrics.js";

export interface MetricsServer {
  /** Of /metrics. */
  readonly url: string;
  observe(event: RunEvent): void;
  close(): Promise<void>;
}

/** Prometheus keeps one connection, probes open one each; a client that holds more is neither. */
const MAX_CONNECTIONS = 64;
/** A request is one short line and some headers, and an answer is some kilobytes: slower peers are cut off. */
const LIMITS = {
  headersTimeout: 5000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1000,
  maxHeaderSize: 8192,
} as const;
const IDLE_TIMEOUT_MS = 30_000;

/** UsageError when the address cannot be listened at. `gpus`: asked at each scrape; absent where there are none. */
export async function startMetrics({
  host,
  port,
  gpus,
}: {
  host: string;
  port: number;
  gpus?: () => Promise<readonly Gpu[]>;
}): Promise<MetricsServer> {
  const metrics = createRunMetrics();
  const refresh = gpus ? addGpuMetrics(metrics.registry, gpus) : async () => {};
  const server = createServer(LIMITS, (request, response) => {
    answer(metrics, refresh, request, response).catch((error: unknown) => send(response, 500, `${messageOf(error)}\n`));
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(IDLE_TIMEOUT_MS); // nor must one that reads nothing keep its connection
  try {
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  } catch (error) {
    throw new UsageError(
      "metrics-port",
      `metrics cannot be served at ${host}:${port}: ${messageOf(error)}. Choose another --metrics-port (0 takes any free one) or --metrics-host.`,
      { cause: error },
    );
  }
  server.on("error", () => {}); // a connection that cannot be accepted (no file descriptor left) must not end the run
  const { address, family, port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${bound}/metrics`,
    observe: metrics.observe,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections(); // a scraper that keeps its connection must not keep the run
      await closed;
    },
  };
}

async function answer(
  metrics: RunMetrics,
  refresh: () => Promise<void>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") return send(response, 405, "only GET and HEAD\n");
  switch (request.url?.split("?")[0]) {
    case "/metrics":
      await refresh();
      return send(response, 200, await metrics.registry.metrics(), metrics.registry.contentType);
    case "/healthz":
      return send(response, 200, "ok\n");
    case "/readyz": {
      const reason = metrics.notReady();
      return reason === null ? send(response, 200, "ready\n") : send(response, 503, `not ready: ${reason}\n`);
    }
    default:
      return send(response, 404, "there are /metrics, /healthz and /readyz\n");
  }
}

function send(response: ServerResponse, status: number, body: string, type = "text/plain; charset=utf-8"): void {
  response
    .writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) })
    .end(response.req.method === "HEAD" ? undefined : body);
}
