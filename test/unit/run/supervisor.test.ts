import assert from "node:assert/strict";
import { test } from "node:test";
import { firstWorkers, Supervisor, type WorkerExit } from "../../../src/run/supervisor.js";
import { FakeClock } from "../../support/fake-clock.js";

/** A supervisor of fake processes, which end when they are told to. */
function supervised(workers: number, restarts: (exit: WorkerExit, restarts: number) => boolean) {
  const clock = new FakeClock();
  const log: string[] = [];
  const running = new Map<string, (exit: WorkerExit) => void>();
  const supervisor = new Supervisor({
    workers: firstWorkers(workers),
    clock,
    restarts,
    launch({ rank, incarnation }) {
      const name = `${rank}/${incarnation}`;
      log.push(`start ${name}`);
      const exited = new Promise<WorkerExit>((resolve) => {
        running.set(name, resolve);
      });
      return {
        exited,
        leave: () => void log.push(`leave ${name}`),
        kill() {
          log.push(`kill ${name}`);
          running.get(name)!({ code: null, detail: "killed" });
        },
      };
    },
    onExit: ({ rank, incarnation, exit, restarting }) =>
      void log.push(`exit ${rank}/${incarnation}: ${exit.detail}${restarting ? ", again" : ""}`),
  });
  const end = async (name: string, code: number) => {
    running.get(name)!({ code, detail: `code ${code}` });
    await new Promise(setImmediate);
  };
  return { supervisor, clock, log, end };
}

test("a worker that ends is started again with growing pauses, as often as it is allowed", async () => {
  const { supervisor, clock, log, end } = supervised(1, (_, restarts) => restarts < 2);
  supervisor.start();
  await end("0/0", 1);
  assert.equal(supervisor.possible(), 1);
  await clock.advance(499);
  assert.deepEqual(log, ["start 0/0", "exit 0/0: code 1, again"]);
  await clock.advance(1);
  await end("0/1", 1);
  await clock.advance(999);
  assert.equal(log.at(-1), "exit 0/1: code 1, again");
  await clock.advance(1);
  await end("0/2", 1);
  assert.equal(log.at(-1), "exit 0/2: code 1");
  assert.equal(supervisor.possible(), 0);
});

test("one that worked for a while is started again at once, and pauses grow anew", async () => {
  const { supervisor, clock, log, end } = supervised(1, () => true);
  supervisor.start();
  await end("0/0", 1);
  await clock.advance(500);
  await clock.advance(20_000);
  await end("0/1", 1);
  await clock.advance(1);
  assert.equal(log.at(-1), "start 0/2");
  await end("0/2", 1);
  await clock.advance(499);
  assert.equal(log.at(-1), "exit 0/2: code 1, again");
  await clock.advance(1);
  assert.equal(log.at(-1), "start 0/3");
});

test("how a worker ended decides whether it comes back", async () => {
  const { supervisor, clock, log, end } = supervised(2, ({ code }) => code === 3);
  supervisor.start();
  await end("0/0", 2);
  await end("1/0", 3);
  await clock.advance(500);
  assert.deepEqual(log.slice(2), ["exit 0/0: code 2", "exit 1/0: code 3, again", "start 1/1"]);
  assert.equal(supervisor.possible(), 1);
});

test("an incarnation is ended for certain; one that is gone already is not another's end", async () => {
  const { supervisor, clock, log, end } = supervised(1, () => true);
  supervisor.start();
  await supervisor.end(0, 0);
  assert.deepEqual(log, ["start 0/0", "kill 0/0", "exit 0/0: killed, again"]);
  await clock.advance(500);
  await supervisor.end(0, 0);
  assert.equal(log.at(-1), "start 0/1");
  await end("0/1", 0);
});

test("at the end workers get their time, then they are killed, and none comes back", async () => {
  const { supervisor, clock, log, end } = supervised(3, () => true);
  supervisor.start();
  await end("2/0", 1); // it waits for its restart
  supervisor.leave();
  const closed = supervisor.close(3000);
  await end("0/0", 0);
  await clock.advance(2999);
  assert.ok(!log.includes("kill 1/0"));
  await clock.advance(1);
  await closed;
  assert.deepEqual(log.slice(-5), ["leave 0/0", "leave 1/0", "exit 0/0: code 0", "kill 1/0", "exit 1/0: killed"]);
  await clock.advance(60_000);
  assert.ok(!log.includes("start 2/1"));
  assert.equal(supervisor.possible(), 0);
});
