/** The one HTTP server of a process: it listens, and asks for the token where there is one; what it answers is its routes' matter. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { messageOf, UsageError } from "../errors.js";
import { admits, type HttpAccess, OPEN_ACCESS } from "./access.js";
import { createBoundedServer, type HttpRefusal } from "./http.js";

export interface HttpServer {
  /** http://HOST:PORT, without a slash at its end. */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Answers the requests that are its own, and tells whether this was one. */
export type Routes = (request: IncomingMessage, response: ServerResponse) => Promise<boolean> | boolean;

/** Probes of a container's runtime can send no token, and these two say no more than how the process is. */
const OPEN_PATHS: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);

export interface HttpGuard {
  access: HttpAccess;
  /** Told of each connection and request that was refused. */
  refused(reason: HttpRefusal): void;
}

/** UsageError when the address cannot be listened at. The first of `routes` that knows a request answers it. */
export async function startServer({
  host,
  port,
  guard: { access, refused } = { access: OPEN_ACCESS, refused: () => {} },
  routes,
}: {
  host: string;
  port: number;
  guard?: HttpGuard;
  routes: readonly Routes[];
}): Promise<HttpServer> {
  const server = createBoundedServer(access, refused, (request, response) => {
    if (!OPEN_PATHS.has(pathOf(request)) && !admits(access, request.headers.authorization)) {
      refused("token");
      return askForToken(response);
    }
    answer(routes, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendText(response, 500, `${messageOf(error)}\n`);
    });
  });
  try {
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  } catch (error) {
    throw new UsageError(
      "metrics-port",
      `page and metrics cannot be served at ${host}:${port}: ${messageOf(error)}. Choose another --metrics-port (0 takes any free one) or --metrics-host.`,
      { cause: error },
    );
  }
  const { address, family, port: bound } = server.address() as AddressInfo;
  return {
    url: `${access.tls ? "https" : "http"}://${family === "IPv6" ? `[${address}]` : address}:${bound}`,
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

function askForToken(response: ServerResponse): void {
  response.setHeader("www-authenticate", ['Bearer realm="cnn-dist"', 'Basic realm="cnn-dist", charset="UTF-8"']);
  sendText(response, 401, "the token is needed: as Bearer, or as the password of any user\n");
}

/** Of a request: without what follows a question mark. */
export function pathOf({ url = "/" }: IncomingMessage): string {
  return url.split("?")[0]!;
}

/** What follows the question mark. */
export function queryOf({ url = "" }: IncomingMessage): URLSearchParams {
  const at = url.indexOf("?");
  return new URLSearchParams(at < 0 ? "" : url.slice(at + 1));
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
