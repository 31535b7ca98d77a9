/** As much of an MLflow server as its REST API's description promises, on loopback. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import type { Metric, Named } from "../../src/sinks/mlflow/client.js";

export interface FakeMlflow {
  url: string;
  experiments: Map<string, string>;
  runs: Map<
    string,
    { experiment: string; name: string; status: string; metrics: Metric[]; params: Named[]; tags: Named[] }
  >;
  /** Path and Authorization of each request. */
  requests: { path: string; authorization: string | undefined; metrics: number }[];
  /** What is answered instead, while it is not null. */
  answer: { status: number; body: string } | null;
}

export async function fakeMlflow(context: TestContext): Promise<FakeMlflow> {
  const fake: FakeMlflow = { url: "", experiments: new Map(), runs: new Map(), requests: [], answer: null };
  const server = createServer((request, response) => void serve(fake, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return fake;
}

async function serve(fake: FakeMlflow, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  const text = Buffer.concat(pieces).toString();
  const body = text === "" ? {} : JSON.parse(text);
  const { pathname, searchParams } = new URL(request.url!, fake.url);
  const path = pathname.replace("/api/2.0/mlflow/", "");
  fake.requests.push({ path, authorization: request.headers.authorization, metrics: body.metrics?.length ?? 0 });
  const send = (status: number, value: unknown) =>
    response
      .writeHead(status, { "content-type": "application/json" })
      .end(typeof value === "string" ? value : JSON.stringify(value));
  if (fake.answer) return void send(fake.answer.status, fake.answer.body);
  const missing = () => send(404, { error_code: "RESOURCE_DOES_NOT_EXIST", message: "there is none" });
  const run = fake.runs.get(body.run_id ?? searchParams.get("run_id"));
  switch (path) {
    case "experiments/get-by-name": {
      const id = fake.experiments.get(searchParams.get("experiment_name")!);
      return void (id === undefined ? missing() : send(200, { experiment: { experiment_id: id } }));
    }
    case "experiments/create":
      fake.experiments.set(body.name, String(fake.experiments.size + 1));
      return void send(200, { experiment_id: fake.experiments.get(body.name) });
    case "runs/create": {
      const id = `run${fake.runs.size + 1}`;
      const { experiment_id: experiment, run_name: name, tags } = body;
      fake.runs.set(id, { experiment, name, status: "RUNNING", metrics: [], params: [], tags });
      return void send(200, { run: { info: { run_id: id }, data: {} } });
    }
  }
  if (!run) return void missing();
  switch (path) {
    case "runs/get": {
      const last = new Map(run.metrics.map((metric) => [metric.key, { ...metric, step: String(metric.step) }]));
      return void send(200, { run: { info: { run_id: "run1" }, data: { metrics: [...last.values()] } } });
    }
    case "runs/update":
      run.status = body.status;
      return void send(200, { run_info: {} });
    case "runs/log-batch":
      for (const kind of ["metrics", "params", "tags"] as const) run[kind].push(...(body[kind] ?? []));
      return void send(200, {});
  }
  send(404, { error_code: "ENDPOINT_NOT_FOUND" });
}
