/** Pages from files: records, logs, addresses. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { OPEN_ACCESS } from "../../../src/metrics/access.js";
import { openable, servePage } from "../../../src/run/page-address.js";
import { dashboardAddress, tellAddress } from "../../../src/web/dashboard-address.js";
import { readHistory, readHistoryApart, sizeOf } from "../../../src/web/history.js";
import { logTail } from "../../../src/web/log-tail.js";
import { RecordedRun } from "../../../src/web/recorded-run.js";
import { FakeResponse } from "../../support/fake-response.js";
import { recordRun } from "../../support/recorded-runs.js";
import { STEP } from "../../support/run-events.js";
import { temporaryDirectory } from "../../support/temporary.js";

test("records become the state, in a thread as here; half a line at the end waits, and what is no event is passed over", async (context) => {
  const dir = temporaryDirectory(context);
  recordRun(dir, { steps: 5, stepsPerEpoch: 5 });
  const path = join(dir, "metrics.jsonl");
  appendFileSync(path, `nonsense\n{"event":"from another version"}\n{"event":"step","step":6,"lo`);
  const { state, bytes } = readHistory(path, sizeOf(path));
  assert.match(state.messages.at(-1)!.message, /^a line of the run's records cannot be shown/);
  assert.deepEqual(state.curves.step, [1, 2, 3, 4, 5]);
  assert.equal(state.done?.event, "done");
  assert.equal(bytes, readFileSync(path, "utf8").lastIndexOf("\n") + 1);
  assert.deepEqual(await readHistoryApart(path, sizeOf(path)), { state, bytes });
  assert.deepEqual(readHistory(join(dir, "none"), 0).state.curves.step, []);
});

test("of records that grow, what is new is read; of those that were begun anew, all", async (context) => {
  const dir = temporaryDirectory(context);
  recordRun(dir, { steps: 3, stepsPerEpoch: 3, end: null });
  const path = join(dir, "metrics.jsonl");
  const run = new RecordedRun(path, () => false);
  assert.deepEqual((await run.state()).curves.step, [1, 2, 3]);
  renameSync(dir, `${dir}-moved`);
  const moved = new RecordedRun(join(`${dir}-moved`, "metrics.jsonl"), () => false);
  assert.equal((await moved.state()).plan?.run_dir, `${dir}-moved`);
  renameSync(`${dir}-moved`, dir);
  const line = JSON.stringify({ ...STEP, step: 4 });
  appendFileSync(path, line.slice(0, 40));
  assert.deepEqual((await run.state()).curves.step, [1, 2, 3]);
  appendFileSync(path, `${line.slice(40)}\n`);
  assert.deepEqual((await run.state()).curves.step, [1, 2, 3, 4]);
  writeFileSync(path, `${readFileSync(path, "utf8").split("\n")[0]}\n${JSON.stringify({ ...STEP, step: 1 })}\n`);
  assert.deepEqual((await run.state()).curves.step, [1]);
});

test("open pages: what is added, records that are others, a process that comes and goes, a folder that vanishes", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const dir = temporaryDirectory(context);
  recordRun(dir, { steps: 3, stepsPerEpoch: 3, end: null });
  const path = join(dir, "metrics.jsonl");
  let alive = true;
  const run = new RecordedRun(path, () => alive);
  const response = new FakeResponse();
  await run.open(response.asResponse());
  const news = async () => {
    const before = response.text.length;
    await run.state(); // the look that a timer began
    await run.state();
    context.mock.timers.tick(200);
    return response.text.slice(before);
  };
  assert.match(response.text, /^retry: 1000\nevent: state\ndata: \{.*"alive":true/);
  assert.equal(await news(), "");
  alive = false;
  assert.equal(await news(), 'data: [[null,{"event":"alive","alive":false}]]\n\n');
  appendFileSync(path, `${JSON.stringify({ ...STEP, step: 4, ranks: {}, time: 7 })}\nnonsense\n`);
  assert.match(await news(), /^data: \[\[7,\{"event":"step","step":4.*a line of the run's records cannot be shown/);
  const another = join(dir, "another");
  writeFileSync(another, `${JSON.stringify({ ...STEP, step: 1, time: 8 })}\n`);
  renameSync(another, path);
  assert.match(await news(), /^event: state\ndata: \{"plan":null,.*\n\ndata: \[\[8,\{"event":"step","step":1,/);
  assert.equal(response.ended, false);
  rmSync(dir, { recursive: true });
  await news();
  assert.equal(response.ended, true, "it asks again, and is told that there is no such run");
  assert.deepEqual((await run.state()).curves.step, []);
});

test("a line without an end is not read again and again, and a pipe is not waited for", async (context) => {
  const dir = temporaryDirectory(context);
  const path = join(dir, "metrics.jsonl");
  writeFileSync(path, "x".repeat(3 * 1024 * 1024));
  const run = new RecordedRun(path, () => false);
  assert.deepEqual((await run.state()).curves.step, []);
  appendFileSync(path, `\n${JSON.stringify({ ...STEP, step: 1 })}\n`);
  assert.deepEqual((await run.state()).curves.step, [1]);
  execFileSync("mkfifo", [join(dir, "pipe")]);
  await assert.rejects(new RecordedRun(join(dir, "pipe"), () => false).state(), /pipe is a folder, a pipe or a device/);
});

test("a page that went away while the records were read leaves nothing behind", async (context) => {
  const dir = temporaryDirectory(context);
  recordRun(dir, { steps: 3, stepsPerEpoch: 3 });
  const run = new RecordedRun(join(dir, "metrics.jsonl"), () => false);
  const response = new FakeResponse();
  const opening = run.open(response.asResponse());
  response.destroy();
  await opening;
  assert.equal(run.watched, false);
  await run.close();
});

test("the end of a log: whole lines, of a rank or the coordinator, and of no other file", async (context) => {
  const dir = temporaryDirectory(context);
  mkdirSync(join(dir, "logs"));
  writeFileSync(join(dir, "logs", "rank-3.log"), `${"a long line\n".repeat(10_000)}the last\n`);
  const tail = (await logTail(dir, "3"))!;
  assert.ok(tail.length <= 32_768 && tail.startsWith("a long line\n") && tail.endsWith("the last\n"));
  assert.equal(await logTail(dir, "coordinator"), "");
  execFileSync("mkfifo", [join(dir, "logs", "rank-4.log")]);
  assert.equal(await logTail(dir, "4"), "");
  for (const of of ["", "../3", "3/../3", "-1", "rank-3", "1e3"]) assert.equal(await logTail(dir, of), null, of);
});

test("a run that goes on is served where it was, if that is free", async (context) => {
  const runDir = temporaryDirectory(context);
  const given = { runDir, host: "127.0.0.1", guard: { access: OPEN_ACCESS, refused: () => {} }, routes: [] };
  const first = await servePage({ ...given, port: 0 });
  await first.close();
  const again = await servePage({ ...given, port: 0 });
  assert.equal(again.port, first.port);
  await again.close();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(first.port, "127.0.0.1", resolve));
  const elsewhere = await servePage({ ...given, port: 0 });
  assert.notEqual(elsewhere.port, first.port);
  await elsewhere.close();
  await assert.rejects(servePage({ ...given, port: first.port }), /EADDRINUSE/);
  other.close();
  for (const text of ["{}", '{"port":99999999}', "[", '{"port":"80"}']) {
    writeFileSync(join(runDir, "page.json"), text);
    await (await servePage({ ...given, port: 0 })).close();
  }
});

test("an address that listens everywhere is opened by the machine's name", () => {
  assert.equal(openable("http://0.0.0.0:80", "box"), "http://box/");
  assert.equal(openable("https://[::]:4711", "box"), "https://box:4711/");
  assert.equal(openable("http://127.0.0.1:4711", "box"), "http://127.0.0.1:4711/");
  assert.equal(openable("http://[::1]:4711", "box"), "http://[::1]:4711/");
});

test("a dashboard tells where it is while it lives", (context) => {
  const dir = temporaryDirectory(context);
  assert.equal(dashboardAddress(dir), null);
  const untell = tellAddress(dir, new URL("https://127.0.0.1:4711"));
  assert.deepEqual(dashboardAddress(dir), { scheme: "https", port: 4711 });
  const path = join(dir, ".dashboard.json");
  const dead = { ...(JSON.parse(readFileSync(path, "utf8")) as object), process: "1 1" };
  writeFileSync(path, JSON.stringify(dead));
  assert.equal(dashboardAddress(dir), null);
  untell();
  assert.equal(dashboardAddress(dir), null);
});
