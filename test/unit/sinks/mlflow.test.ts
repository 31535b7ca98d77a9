import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { RunEvent } from "../../../src/events.js";
import { openMlflow } from "../../../src/sinks/mlflow/mlflow.js";
import { FakeClock } from "../../support/fake-clock.js";
import { type FakeMlflow, fakeMlflow } from "../../support/fake-mlflow.js";
import { DONE, EVALUATION, PLAN, STEP } from "../../support/run-events.js";
import { temporaryDirectory } from "../../support/temporary.js";
import { until } from "../../support/until.js";

const FINISHED = { ...DONE, event: "done" } as const;
const steps = (from: number, to: number): RunEvent[] =>
  Array.from({ length: to - from + 1 }, (_, at) => ({ ...STEP, step: from + at, loss: 1 / (from + at) }));

function opened(server: Pick<FakeMlflow, "url">, runDir: string, env: NodeJS.ProcessEnv = {}) {
  const clock = new FakeClock();
  const troubles: string[] = [];
  const options = {
    runDir,
    startStep: 0,
    now: () => 1000,
    onTrouble: (message: string) => void troubles.push(message),
  };
  const sink = openMlflow({ ...options, url: server.url, experiment: "tests", clock }, env);
  const tell = (...events: RunEvent[]) => events.forEach((event) => void sink.observe(event));
  return { sink, clock, troubles, tell };
}
const lossesOf = ({ runs }: FakeMlflow, id = "run1") =>
  runs
    .get(id)!
    .metrics.filter(({ key }) => key === "train/loss")
    .map(({ step, value }) => [step, value]);
const expected = (to: number) => Array.from({ length: to }, (_, at) => [at + 1, 1 / (at + 1)]);

async function whole(context: TestContext) {
  const server = await fakeMlflow(context);
  const runDir = temporaryDirectory(context);
  return { server, runDir };
}

test("a run is made, with its recipe, its figures and its end", async (context) => {
  const { server, runDir } = await whole(context);
  const { sink, tell, troubles } = opened(server, runDir, { MLFLOW_TRACKING_TOKEN: "secret" });
  tell(PLAN, ...steps(1, 3), { ...EVALUATION, step: 3 }, FINISHED);
  await sink.close();
  const run = server.runs.get("run1")!;
  assert.deepEqual(lossesOf(server), expected(3));
  assert.deepEqual(run.metrics.at(-1), { key: "test/accuracy", value: EVALUATION.accuracy, timestamp: 1000, step: 3 });
  assert.equal(run.status, "FINISHED");
  assert.equal(run.params.find(({ key }) => key === "optimizer")?.value, PLAN.recipe.optimizer);
  assert.deepEqual(run.tags.find(({ key }) => key === "weights_sha256")?.value, DONE.weights_sha256);
  assert.equal(server.experiments.get("tests"), run.experiment);
  assert.ok(server.requests.every(({ authorization }) => authorization === "Bearer secret"));
  assert.ok(!readFileSync(join(runDir, "mlflow.json"), "utf8").includes("secret"));
  assert.deepEqual(troubles, []);
});

test("a run that goes on is the same run there, and no step is there twice", async (context) => {
  const { server, runDir } = await whole(context);
  const first = opened(server, runDir);
  first.tell(PLAN, ...steps(1, 8));
  await first.sink.close();
  assert.equal(server.runs.get("run1")!.status, "FAILED");
  const second = opened(server, runDir);
  second.tell(PLAN, ...steps(5, 12), FINISHED);
  await second.sink.close();
  assert.equal(server.runs.size, 1);
  assert.deepEqual(lossesOf(server), expected(12));
  assert.equal(server.runs.get("run1")!.status, "FINISHED");
});

test("a run that the server has lost is made anew", async (context) => {
  const { server, runDir } = await whole(context);
  const first = opened(server, runDir);
  first.tell(PLAN, ...steps(1, 2));
  await first.sink.close();
  server.runs.clear();
  const second = opened(server, runDir);
  second.tell(PLAN, ...steps(3, 4), DONE);
  await second.sink.close();
  assert.deepEqual(
    lossesOf(server).map(([step]) => step),
    [3, 4],
  );
  assert.equal(server.runs.get("run1")!.status, "KILLED");
});

test("a note of the server's run that is damaged, or cannot be written, makes one new run", async (context) => {
  const { server, runDir } = await whole(context);
  writeFileSync(join(runDir, "mlflow.json"), '{"url":');
  const first = opened(server, runDir);
  first.tell(PLAN, ...steps(1, 2), FINISHED);
  await first.sink.close();
  assert.deepEqual([lossesOf(server), first.troubles], [expected(2), []]);
  rmSync(join(runDir, "mlflow.json"));
  mkdirSync(join(runDir, "mlflow.json"));
  const second = opened(server, runDir);
  second.tell(PLAN, ...steps(1, 2), FINISHED);
  await second.sink.close();
  assert.deepEqual([server.runs.size, lossesOf(server, "run2")], [2, expected(2)]);
  assert.match(
    second.troubles.join(),
    /a resume will be another run there, since .*mlflow\.json cannot be written: EISDIR/,
  );
});

test("many figures travel in batches that a server takes", async (context) => {
  const { server, runDir } = await whole(context);
  const { sink, tell } = opened(server, runDir);
  tell(PLAN, ...steps(1, 900), FINISHED);
  await sink.close();
  assert.deepEqual(lossesOf(server), expected(900));
  const sizes = server.requests.map(({ metrics }) => metrics);
  assert.ok(Math.max(...sizes) <= 1000 && sizes.filter((size) => size > 0).length <= 6);
});

test("a server that is not well is asked again later and later, and told of once; then nothing is missing", async (context) => {
  const { server, runDir } = await whole(context);
  server.answer = { status: 503, body: "" };
  const { sink, tell, clock, troubles } = opened(server, runDir);
  tell(PLAN, ...steps(1, 3));
  for (const [round, ms] of [2000, 4000, 8000].entries()) {
    await until(() => server.requests.length === round + 1 && clock.pending > 0);
    await clock.advance(ms - 1);
    assert.equal(server.requests.length, round + 1);
    await clock.advance(1);
  }
  await until(() => server.requests.length === 4);
  server.answer = null;
  tell(...steps(4, 5), FINISHED);
  await sink.close();
  assert.deepEqual(lossesOf(server), expected(5));
  assert.equal(troubles.length, 1);
  assert.match(troubles[0]!, /MLflow at http:.*status 503; it is tried again/);
});

test("a server that refuses is told of once, and left alone", async (context) => {
  const { server, runDir } = await whole(context);
  server.answer = { status: 401, body: '{"error_code":"UNAUTHENTICATED","message":"who are you"}' };
  const { sink, tell, troubles } = opened(server, runDir);
  tell(PLAN, ...steps(1, 3));
  await until(() => troubles.length > 0);
  const { length } = server.requests;
  tell(...steps(4, 5), FINISHED);
  await sink.close();
  assert.equal(server.requests.length, length);
  assert.equal(troubles.length, 1);
  assert.match(troubles[0]!, /who are you; nothing more is sent/);
});

test("an address where nobody is holds nothing up, and is told of", async (context) => {
  const { url } = await closedAddress();
  const { tell, troubles, clock } = opened({ url }, temporaryDirectory(context));
  tell(PLAN, ...steps(1, 2), FINISHED);
  await until(() => troubles.length > 0 && clock.pending > 0);
  assert.match(troubles[0]!, /ECONNREFUSED.*; it is tried again/);
});

/** A port that was free a moment ago. */
async function closedAddress(): Promise<{ url: string }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return { url: `http://127.0.0.1:${port}` };
}
