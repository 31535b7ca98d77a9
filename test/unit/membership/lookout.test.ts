import assert from "node:assert/strict";
import { test } from "node:test";
import { HELLO_TIMEOUT_MS } from "../../../src/config/time-limits.js";
import { Lookout } from "../../../src/membership/lookout.js";
import { type Member, Roster } from "../../../src/membership/roster.js";
import { PROTOCOL } from "../../../src/protocol/messages.js";
import { FakeClock } from "../../support/fake-clock.js";

/** Over one member that sits idle, and what was done about whom. */
function watched() {
  const clock = new FakeClock();
  const roster = new Roster(4);
  const hello = { type: "hello", protocol: PROTOCOL, token: null, pid: 7, host: "there", device: "cpu" } as const;
  const member = roster.hello("a", hello, 0, "frames") as Member;
  member.state = "ready";
  const told: string[] = [];
  const duties = {
    owed: () => null,
    look: () => {},
    forgive: (ms: number) => void (ms > 0 && told.push(`forgiven ${ms}`)),
  };
  const limits = { heartbeatTimeout: 5, stepTimeout: "auto" } as const;
  const lookout = new Lookout(roster, duties, limits, {
    clock,
    lose: (lost, { reason }) => void (roster.remove(lost) && told.push(`lost ${lost.rank}: ${reason}`)),
    endAbsent: ({ rank, incarnation }) => void told.push(`ended ${rank}/${incarnation}`),
  });
  return { clock, roster, member, told, lookout };
}

test("who is silent for too long is lost, once", async () => {
  const { clock, told, lookout } = watched();
  lookout.watch();
  await clock.advance(4_900);
  assert.deepEqual(told, []);
  await clock.advance(2_000);
  assert.deepEqual(told, ["lost 0: silence"]);
});

test("time in which this process was held up is no silence of a member, nor of a worker that is to come", async () => {
  const { clock, roster, member, told, lookout } = watched();
  roster.expect("token", { rank: 1, incarnation: 0, since: 0 });
  lookout.watch();
  await clock.advance(HELLO_TIMEOUT_MS + 1_000, { jump: true });
  assert.deepEqual(told, [`forgiven ${HELLO_TIMEOUT_MS + 1_000}`]);
  assert.equal(member.lastHeard, HELLO_TIMEOUT_MS + 1_000);
  assert.equal(roster.absent()[0]!.since, HELLO_TIMEOUT_MS + 1_000);
});

test("a worker that was started and has not come in time is expected no more, and its process is ended", async () => {
  const { clock, roster, told, lookout } = watched();
  roster.expect("token", { rank: 1, incarnation: 2, since: 0 });
  lookout.watch();
  await clock.advance(HELLO_TIMEOUT_MS + 2_000);
  assert.deepEqual(told, ["lost 0: silence", "ended 1/2"]);
  assert.deepEqual(roster.absent(), []);
});

test("nobody is looked for after its end", async () => {
  const { clock, told, lookout } = watched();
  lookout.watch();
  lookout.end();
  assert.equal(clock.pending, 0);
  await clock.advance(10_000);
  assert.deepEqual(told, []);
});
