import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import type { WorkerState } from "../../../src/events.js";
import { type ProbeRoutes, probeRoutes } from "../../../src/metrics/probes.js";

/** Status and text; null where the request is not theirs. */
function ask({ routes }: ProbeRoutes, url: string, method = "GET") {
  const answer = { status: 0, text: "" };
  const request = { url, method } as IncomingMessage;
  const response = {
    req: request,
    writeHead(status: number) {
      answer.status = status;
      return response;
    },
    end(text: string) {
      answer.text = text;
    },
  } as unknown as ServerResponse;
  return routes(request, response) ? answer : null;
}

const worker = (rank: number, state: WorkerState) =>
  ({ event: "worker", rank, incarnation: 0, state, pid: 1, device: "cpu" }) as const;

test("a node is ready while one of its workers is", () => {
  const probes = probeRoutes();
  const ready = () => ask(probes, "/readyz")!.status;
  assert.deepEqual(ask(probes, "/readyz"), { status: 503, text: "not ready: no worker is ready\n" });
  probes.observe(worker(4, "starting"));
  assert.equal(ready(), 503);
  probes.observe(worker(4, "ready"));
  probes.observe(worker(5, "working"));
  assert.deepEqual(ask(probes, "/readyz?a=b"), { status: 200, text: "ready\n" });
  probes.observe(worker(4, "lost"));
  assert.equal(ready(), 200);
  probes.observe(worker(5, "lost"));
  assert.equal(ready(), 503);
});

test("it is alive while it answers, to those who read, and knows nothing else", () => {
  const probes = probeRoutes();
  assert.deepEqual(ask(probes, "/healthz"), { status: 200, text: "ok\n" });
  assert.equal(ask(probes, "/healthz", "POST")!.status, 405);
  assert.equal(ask(probes, "/metrics"), null);
});
