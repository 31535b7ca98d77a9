/** `npm run test:mlflow`: a run beside a real MLflow server, from PyPI. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { EvalEvent, StepEvent } from "../../src/events.js";
import { freePort } from "../support/ports.js";
import { pythonWithMlflow } from "../support/python.js";
import { cli, scratch } from "../support/runs.js";

/** Resolves with its address once it answers. */
async function mlflowServer(context: TestContext): Promise<string> {
  const dir = scratch(context);
  const port = await freePort();
  const words = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", String(port), "--workers", "1"];
  const server = spawn(pythonWithMlflow(), [...words, "--backend-store-uri", `sqlite:///${join(dir, "mlflow.db")}`], {
    cwd: dir,
    stdio: "ignore",
    detached: true,
  });
  context.after(() => process.kill(-server.pid!, "SIGKILL"));
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    const answer = await fetch(`${url}/health`).catch(() => null);
    if (answer?.ok) return url;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

interface Run {
  info: { run_id: string; run_name: string; status: string };
  data: {
    metrics: { key: string }[];
    params: { key: string; value: string }[];
    tags: { key: string; value: string }[];
  };
}

test("a real MLflow server holds the run, each step once, though it was killed and went on", async (context) => {
  const url = await mlflowServer(context);
  const ask = async <T>(path: string, body?: unknown): Promise<T> => {
    const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const answer = await fetch(`${url}/api/2.0/mlflow/${path}`, body === undefined ? {} : post);
    assert.equal(answer.status, 200, path);
    return (await answer.json()) as T;
  };
  const runDir = join(scratch(context), "run");
  const words = ["--model", "lenet5", "--dataset", "synthetic", "--batch-size", "20", "--gpus", "1", "--device", "cpu"];
  const data = ["--dataset-option", "train=200", "--dataset-option", "test=40"];
  const env = { MLFLOW_EXPERIMENT_NAME: "a test" };
  const options = ["--mlflow", url, "--json"];
  const begun = await cli(["launch", ...words, ...data, "--epochs", "10000", "--run-dir", runDir, ...options], { env });
  await begun.waitFor((event) => event.event === "step" && event.step > 500);
  begun.child.kill("SIGKILL");
  await begun.ended;
  const last = begun.events.findLast((event): event is StepEvent => event.event === "step")!.step;
  const epochs = Math.ceil(last / 10) + 20;
  const resumed = await cli(["resume", runDir, "--epochs", String(epochs), "--device", "cpu", ...options], { env });
  assert.equal((await resumed.ended).code, 0, resumed.stderr());
  const done = resumed.events.at(-1)!;
  assert.equal(done.event, "done");

  const { experiment } = await ask<{ experiment: { experiment_id: string } }>(
    "experiments/get-by-name?experiment_name=a%20test",
  );
  const { runs } = await ask<{ runs: Run[] }>("runs/search", { experiment_ids: [experiment.experiment_id] });
  assert.equal(runs.length, 1);
  const [{ info, data: held }] = runs as [Run];
  assert.deepEqual([info.run_name, info.status], ["run", "FINISHED"]);
  assert.equal(held.params.find(({ key }) => key === "model")?.value, "lenet5");
  assert.equal(
    held.tags.find(({ key }) => key === "weights_sha256")?.value,
    done.event === "done" ? done.weights_sha256 : "",
  );

  const lines = readFileSync(join(runDir, "metrics.jsonl"), "utf8").trim().split("\n");
  const events = lines.map((line) => JSON.parse(line) as StepEvent | EvalEvent);
  const history = async (metric_key: string) => {
    const query = new URLSearchParams({ run_id: info.run_id, metric_key, max_results: "20000" });
    const { metrics } = await ask<{ metrics: { step: number; value: number }[] }>(`metrics/get-history?${query}`);
    return metrics.map(({ step, value }) => [Number(step), value] as const).sort(([a], [b]) => a - b);
  };
  for (const [key, event, field] of [
    ["train/loss", "step", "loss"],
    ["train/accuracy", "step", "accuracy"],
    ["test/accuracy", "eval", "accuracy"],
  ] as const) {
    const recorded = new Map(events.filter((each) => each.event === event).map((each) => [each.step, each[field]]));
    const found = await history(key);
    assert.equal(new Set(found.map(([step]) => step)).size, found.length, `${key}: each step once`);
    for (const [step, value] of found) assert.equal(value, recorded.get(step), `${key} at step ${step}`);
    // What waited when the run was killed never left: a second's steps at most.
    assert.ok(found.some(([step]) => step === 1 || event === "eval") && found.at(-1)![0] === epochs * 10, key);
    const before = found.filter(([step]) => step <= last).length;
    assert.ok(before > 0 && found.filter(([step]) => step > last).length >= (event === "step" ? 190 : 19), `${before}`);
  }
});
