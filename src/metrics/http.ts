/** An HTTP or HTTPS server that strangers may reach: everything that a connection may use is bounded, and what is refused is counted. */
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Duplex } from "node:stream";
import { HTTP_TIMES } from "../config/time-limits.js";
import { HTTP } from "../limits.js";
import type { HttpAccess } from "./access.js";

/** Why a connection or a request was refused. */
export type HttpRefusal = "connections" | "timeout" | "malformed" | "tls" | "token";

export function createBoundedServer(
  { tls }: Pick<HttpAccess, "tls">,
  refused: (reason: HttpRefusal) => void,
  listener: RequestListener,
): Server {
  const limits = {
    headersTimeout: HTTP_TIMES.headersMs,
    requestTimeout: HTTP_TIMES.requestMs,
    connectionsCheckingInterval: HTTP_TIMES.lookMs,
    maxHeaderSize: HTTP.headerBytes,
  };
  const server = tls
    ? createTlsServer({ ...limits, ...tls, minVersion: "TLSv1.2", handshakeTimeout: HTTP_TIMES.headersMs }, listener)
    : createServer(limits, listener);
  server.maxConnections = HTTP.connections;
  server.maxRequestsPerSocket = HTTP.requestsPerConnection;
  server.setTimeout(HTTP_TIMES.idleMs); // nor must one that reads nothing keep its connection
  server.on("drop", () => refused("connections"));
  server.on("tlsClientError", () => refused("tls"));
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === "ECONNRESET") return void socket.destroy(); // it went away by itself
    const late = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
    refused(late ? "timeout" : "malformed");
    if (!socket.writable) return void socket.destroy();
    socket.end(`HTTP/1.1 ${late ? "408 Request Timeout" : "400 Bad Request"}\r\nConnection: close\r\n\r\n`);
  });
  server.on("error", () => {}); // a connection that cannot be accepted (no file descriptor left) must not end the run
  return server;
}
