import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { RunEvent } from "../events.js";
export async function startMetrics({ host, port }: { host: string; port: number }) {
  const server = createServer((_, response) => response.end("ok"));
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}/metrics`,
    observe(_event: RunEvent) {},
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
