/** The one HTTP server of a process: it listens and keeps limits; what it answers is its routes' matter. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { messageOf, UsageError } from "../errors.js";

export interface HttpServer {
  /** http://HOST:PORT, without a slash at its end. */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Answers the requests that are its own, and tells whether this was one. */
export type Routes = (request: IncomingMessage, response: ServerResponse) => Promise<boolean> | boolean;

/** Prometheus keeps one connection, a page one or two, probes open one each. */
const MAX_CONNECTIONS = 64;
/** A request is one short line and some headers, and an answer is some kilobytes: slower peers are cut off. */
const LIMITS = {
  headersTimeout: 5000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1000,
  maxHeaderSize: 8192,
} as const;
const IDLE_TIMEOUT_MS = 30_000;

/** UsageError when the address cannot be listened at. The first of `routes` that knows a request answers it. */
export async function startServer({
  host,
  port,
  routes,
}: {
  host: string;
  port: number;
  routes: readonly Routes[];
}): Promise<HttpServer> {
  const server = createServer(LIMITS, (request, response) => {
    answer(routes, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendText(response, 500, `${messageOf(error)}\n`);
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(IDLE_TIMEOUT_MS); // nor must one that reads nothing keep its connection
  try {
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  } catch (error) {
    throw new UsageError(
      "metrics-port",
      `page and metrics cannot be served at ${host}:${port}: ${messageOf(error)}. Choose another --metrics-port (0 takes any free one) or --metrics-host.`,
      { cause: error },
    );
  }
  server.on("error", () => {}); // a connection that cannot be accepted (no file descriptor left) must not end the run
  const { address, family, port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${bound}`,
    port: bound,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections(); // a reader that keeps its connection must not keep the run
      await closed;
    },
  };
}

async function answer(routes: readonly Routes[], request: IncomingMessage, response: ServerResponse): Promise<void> {
  for (const route of routes) if (await route(request, response)) return;
  sendText(response, 404, "there is nothing here: see / for the page, /metrics for Prometheus\n");
}

/** Of a request: without what follows a question mark. */
export function pathOf({ url = "/" }: IncomingMessage): string {
  return url.split("?")[0]!;
}

export function isReading({ method }: IncomingMessage): boolean {
  return method === "GET" || method === "HEAD";
}

export function sendText(
  response: ServerResponse,
  status: number,
  body: string,
  type = "text/plain; charset=utf-8",
): void {
  response
    .writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) })
    .end(response.req.method === "HEAD" ? undefined : body);
}
