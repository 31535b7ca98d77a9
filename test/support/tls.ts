/** Files as a user would give them to --metrics-cert, --metrics-key and --metrics-token-file. */
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { request } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fixturePath } from "./fixtures.js";

export const TOKEN = "0123456789abcdef-token";

export function accessFiles(dir: string) {
  const files = {
    metricsCert: join(dir, "server.crt"),
    metricsKey: join(dir, "server.key"),
    metricsTokenFile: join(dir, "token"),
  };
  copyFileSync(fixturePath("tls/server.crt"), files.metricsCert);
  copyFileSync(fixturePath("tls/server.key"), files.metricsKey);
  chmodSync(files.metricsKey, 0o600);
  writeFileSync(files.metricsTokenFile, `${TOKEN}\n`, { mode: 0o600 });
  return files;
}

/** Over HTTPS, from a server that has the fixture's certificate. */
export async function read(
  url: string,
  authorization = `Bearer ${TOKEN}`,
): Promise<{ status: number; body: string; headers: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const ca = readFileSync(fixturePath("tls/server.crt"));
    request(url, { ca, agent: false, headers: authorization === "" ? {} : { authorization } }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode!, body, headers: response.headers }), reject);
    })
      .once("error", reject)
      .end();
  });
}
