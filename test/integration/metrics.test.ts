import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { OPEN_ACCESS } from "../../src/metrics/access.js";
import { metricsRoutes } from "../../src/metrics/routes.js";
import { startServer } from "../../src/metrics/server.js";
import { ROOT } from "../support/fixtures.js";
import { freePort } from "../support/ports.js";
import { runHere, scratch } from "../support/runs.js";
import { accessFiles, read, TOKEN } from "../support/tls.js";

/** Polls what another process will make true soon; the test's own time limit ends it otherwise. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 120; attempt++) {
    if (await holds().catch(() => false)) return;
    await sleep(250);
  }
  throw new Error(`never came true: ${holds}`);
}

test("promtool accepts a run's metrics, and a real Prometheus that scraped it by token and TLS answers for its images", async (context) => {
  const dir = scratch(context);
  const files = accessFiles(dir);
  const port = await freePort();
  const promPort = await freePort();
  mkdirSync(join(dir, "prometheus"));
  writeFileSync(
    join(dir, "prometheus.yml"),
    `global: {scrape_interval: 250ms}\nscrape_configs: [{job_name: cnn-dist, scheme: https, tls_config: {ca_file: "${files.metricsCert}"}, authorization: {credentials_file: "${files.metricsTokenFile}"}, static_configs: [{targets: ["127.0.0.1:${port}"]}]}]\n`,
  );
  const prometheus = spawn(
    "/usr/bin/prometheus",
    [
      `--config.file=${dir}/prometheus.yml`,
      `--storage.tsdb.path=${dir}/prometheus`,
      `--web.listen-address=127.0.0.1:${promPort}`,
    ],
    { stdio: "ignore" },
  );
  const exited = new Promise((resolve) => prometheus.once("exit", resolve));
  // Prometheus looks for its targets some seconds after it is ready; the run is not to be over by then.
  await until(
    async () =>
      (
        (await (await fetch(`http://127.0.0.1:${promPort}/api/v1/targets`)).json()) as {
          data: { activeTargets: unknown[] };
        }
      ).data.activeTargets.length > 0,
  );
  let text = "";
  let late = 0;
  const ready: number[] = [];
  try {
    await runHere(context, "lenet5", {
      overrides: { epochs: null, steps: 150 },
      placement: { workers: 2, metrics: true, metricsPort: port, checkpointEverySteps: 20, ...files },
      observe: (event) => {
        if (event.event === "plan")
          void read(`https://127.0.0.1:${port}/readyz`, "").then(({ status }) => ready.push(status));
        if (event.event === "step" && event.step === 145) {
          late = Date.now() / 1000;
          void read(`https://127.0.0.1:${port}/metrics`).then(({ body }) => {
            text = body;
          });
          void read(`https://127.0.0.1:${port}/readyz`, "").then(({ status }) => ready.push(status));
        }
      },
    });
    const query = async (expression: string, time: number) => {
      const words = new URLSearchParams({ query: expression, time: String(time) });
      const answer = await (await fetch(`http://127.0.0.1:${promPort}/api/v1/query?${words}`)).json();
      return (answer as { data: { result: { value: [number, string] }[] } }).data.result;
    };
    await until(async () => Number((await query("cnn_dist_samples_total", late))[0]!.value[1]) > 0);
    const { dashboard } = (await import(pathToFileURL(join(ROOT, "deploy/grafana/dashboard.mjs")).href)) as {
      dashboard: () => { panels: { title: string; targets: { expr: string }[] }[] };
    };
    const { panels } = dashboard();
    assert.ok(panels.length >= 8);
    for (const { title, targets } of panels) {
      for (const { expr } of targets) {
        // Grafana puts in what fits the scrape interval.
        const found = await query(expr.replaceAll("$__rate_interval", "1m"), late);
        // Without GPUs and other machines there is nothing of them, and yet the query must be one.
        const empty = /^(GPU|Nodes)/.test(title);
        assert.ok(empty ? Array.isArray(found) : found.length > 0, `${title}: ${expr} gives ${found}`);
      }
    }
  } finally {
    prometheus.kill();
    await exited;
  }
  assert.deepEqual(ready.sort(), [200, 503]);
  const checked = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
  assert.equal(checked.status, 0, checked.stderr + checked.stdout);
  for (const name of [
    "steps_total",
    "train_loss",
    "workers",
    "checkpoint_last_step",
    "step_phase_duration_seconds_bucket",
    "exchange_bytes_total",
    "worker_last_heartbeat_timestamp_seconds",
  ]) {
    assert.match(text, new RegExp(`^cnn_dist_${name}[ {]`, "m"));
  }
});

test("a port that is in use is told before anything starts", async () => {
  const first = await startServer({ host: "127.0.0.1", port: 0, routes: [metricsRoutes().routes] });
  const port = Number(new URL(first.url).port);
  await assert.rejects(
    startServer({ host: "127.0.0.1", port, routes: [] }),
    /page and metrics cannot be served at 127\.0\.0\.1:\d+.*EADDRINUSE.*--metrics-port/,
  );
  assert.equal((await fetch(`${first.url}/healthz`)).status, 200);
  assert.equal((await fetch(`${first.url}/other`)).status, 404);
  assert.equal((await fetch(`${first.url}/metrics`, { method: "POST" })).status, 405);
  const head = await fetch(`${first.url}/metrics`, { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.ok(Number(head.headers.get("content-length")) > 0);
  assert.equal(await head.text(), "");
  await first.close();
});

test("with a token and TLS: probes stay open, all else asks for the token, and what is refused is counted", async (context) => {
  const { metricsCert, metricsKey } = accessFiles(scratch(context));
  const tls = { cert: readFileSync(metricsCert, "utf8"), key: readFileSync(metricsKey, "utf8") };
  const { routes, refused } = metricsRoutes();
  const guard = { access: { token: TOKEN, tls }, refused };
  const server = await startServer({ host: "127.0.0.1", port: 0, guard, routes: [routes] });
  context.after(() => server.close());
  const at = (path: string) => `${server.url}${path}`;
  assert.match(server.url, /^https:/);
  assert.equal((await read(at("/healthz"), "")).status, 200);
  assert.equal((await read(at("/readyz?x"), "")).status, 503);
  for (const path of ["/metrics", "/other", "/healthz/../metrics", "//healthz"]) {
    const { status, body, headers } = await read(at(path), "Bearer wrong");
    assert.equal(status, 401, path);
    assert.match(String(headers["www-authenticate"]), /Bearer.*Basic/);
    assert.doesNotMatch(body, /cnn_dist_/);
  }
  await assert.rejects(fetch(at("/metrics").replace("https:", "http:")));
  const plain = connect(server.port, "127.0.0.1");
  plain.end("no TLS at all\r\n\r\n");
  await once(plain.resume(), "close");
  const { body } = await read(at("/metrics"), `Basic ${Buffer.from(`prometheus:${TOKEN}`).toString("base64")}`);
  assert.match(body, /cnn_dist_http_rejected_total\{reason="token"\} 4/);
  assert.match(body, /cnn_dist_http_rejected_total\{reason="tls"\} 2/);
});

test("connections are bounded: more than 64 are closed, silent ones are cut off, and then it answers again", async (context) => {
  const { routes, refused } = metricsRoutes();
  const guard = { access: OPEN_ACCESS, refused };
  const metrics = await startServer({ host: "127.0.0.1", port: 0, guard, routes: [routes] });
  context.after(() => metrics.close());
  const healthz = `${metrics.url}/healthz`;
  const silent = await Promise.all(
    Array.from({ length: 64 }, async () => {
      const socket = connect(Number(new URL(metrics.url).port), "127.0.0.1");
      const closed = once(socket.resume(), "close");
      await once(socket, "connect");
      return { closed };
    }),
  );
  await assert.rejects(fetch(healthz));
  await Promise.all(silent.map(({ closed }) => closed));
  const text = await (await fetch(`${metrics.url}/metrics`)).text();
  assert.match(text, /cnn_dist_http_rejected_total\{reason="timeout"\} 64/);
  assert.match(text, /cnn_dist_http_rejected_total\{reason="connections"\} 1/);
});
