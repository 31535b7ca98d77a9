/** What every answer of a page says to its browser: nothing comes from elsewhere, and nothing is kept. */
import type { ServerResponse } from "node:http";

const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
} as const;

export function sendBody(response: ServerResponse, status: number, type: string, body: string | Buffer): true {
  response
    .writeHead(status, { ...HEADERS, "content-type": type, "content-length": Buffer.byteLength(body) })
    .end(response.req.method === "HEAD" ? undefined : body);
  return true;
}

export function sendJson(response: ServerResponse, value: unknown): true {
  return sendBody(response, 200, "application/json; charset=utf-8", JSON.stringify(value));
}

/** `path`: of this server. */
export function redirect(response: ServerResponse, path: string): true {
  response.setHeader("location", path);
  return sendBody(response, 308, "text/plain; charset=utf-8", `${path}\n`);
}

export function refuse(response: ServerResponse, status: number, why: string): true {
  return sendBody(response, status, "text/plain; charset=utf-8", `${why}\n`);
}

/** Of a run's events: the folder that they are of, as encodeURIComponent has it. */
export const RUN_HEADER = "x-cnn-dist-run";

/** The head of server-sent events; what is written after it are messages. */
export function beginStream(response: ServerResponse): void {
  response.writeHead(200, { ...HEADERS, "content-type": "text/event-stream; charset=utf-8" });
}
