import assert from "node:assert/strict";
import { test } from "node:test";
import { type Member, Roster } from "../../../src/membership/roster.js";
import { PROTOCOL } from "../../../src/protocol/messages.js";

const hello = (token: string | null = null) =>
  ({ type: "hello", protocol: PROTOCOL, token, pid: 7, host: "there", device: "cpu" }) as const;

function entered(member: Member | string): Member {
  assert.ok(typeof member !== "string", String(member));
  return member;
}

test("workers from elsewhere take the lowest free rank, each time as a new incarnation", () => {
  const roster = new Roster(4);
  const first = entered(roster.hello("a", hello(), 0, "frames"));
  const second = entered(roster.hello("b", hello(), 0, "frames"));
  assert.deepEqual([first.rank, first.incarnation, second.rank, second.incarnation], [0, 0, 1, 0]);
  assert.equal(first.local, false);
  assert.ok(roster.remove(first));
  assert.ok(!roster.remove(first), "once is enough");
  const again = entered(roster.hello("c", hello(), 5, "frames"));
  assert.deepEqual([again.rank, again.incarnation, again.lastHeard], [0, 1, 5]);
  assert.equal(roster.find({ rank: 0, incarnation: 0 }), undefined);
  assert.equal(roster.find({ rank: 0, incarnation: 1 }), again);
  assert.deepEqual(
    roster.all().map(({ peer }) => peer),
    ["c", "b"],
  );
});

test("a run that starts its own workers takes those alone, each token once", () => {
  const roster = new Roster(4);
  roster.expect("secret", { rank: 3, incarnation: 2, since: 10 });
  assert.match(String(roster.hello("stranger", hello(), 0, "frames")), /token/);
  assert.match(String(roster.hello("liar", hello("guess"), 0, "frames")), /token/);
  assert.equal(roster.absent().length, 1);
  const member = entered(roster.hello("a", hello("secret"), 0, "frames"));
  assert.deepEqual([member.rank, member.incarnation, member.local], [3, 2, true]);
  assert.deepEqual(roster.absent(), []);
  assert.match(String(roster.hello("thief", hello("secret"), 0, "frames")), /token/);
  assert.match(String(roster.hello("a", hello("secret"), 0, "frames")), /already/);
});

test("a worker whose process has ended is expected no more", () => {
  const roster = new Roster(4);
  roster.expect("old", { rank: 0, incarnation: 0, since: 0 });
  roster.expect("new", { rank: 0, incarnation: 1, since: 0 });
  roster.forget({ rank: 0, incarnation: 0 });
  assert.deepEqual(
    roster.absent().map(({ incarnation }) => incarnation),
    [1],
  );
  assert.match(String(roster.hello("late", hello("old"), 0, "frames")), /token/);
});

test("work is for those that joined", () => {
  const roster = new Roster(4);
  const member = entered(roster.hello("a", hello(), 0, "frames"));
  for (const [state, ready] of [
    ["joining", 0],
    ["tracing", 0],
    ["ready", 1],
    ["working", 1],
    ["spare", 1],
    ["lost", 0],
  ] as const) {
    member.state = state;
    assert.equal(roster.ready().length, ready, state);
  }
});

test("a peer is cut off after twenty strikes; a flood of peers does not fill the memory", () => {
  const roster = new Roster(4);
  for (let strike = 1; strike < 20; strike++) assert.equal(roster.strike("bad"), false);
  assert.equal(roster.strike("bad"), true);
  for (let peer = 0; peer < 1024; peer++) roster.strike(`peer ${peer}`);
  assert.equal(roster.strike("bad"), false, "the oldest is forgotten");
});

test("workers from elsewhere are as many as can have work, and eight spares; a place that is left may be taken", () => {
  const roster = new Roster(4);
  const members = Array.from({ length: 12 }, (_, peer) => entered(roster.hello(`${peer}`, hello(), 0, "frames")));
  for (let peer = 12; peer < 100; peer++)
    assert.match(String(roster.hello(`${peer}`, hello(), 0, "frames")), /has work for 4 workers, and 8 more stand by/);
  assert.equal(roster.all().length, 12);
  roster.remove(members[5]!);
  assert.equal(entered(roster.hello("late", hello(), 0, "frames")).rank, 5);
});
