import assert from "node:assert/strict";
import { test } from "node:test";
import { type Holder, isDead, isHere, type Machine, thisMachine } from "../../../src/lock/lock-holder.js";

const MACHINE: Machine = { host: "a", boot: "boot-1", namespace: "pid:[4026531836]", installation: "i" };
const HOLDER: Holder = { ...MACHINE, pid: 7, process: "7 100", since: "2026-01-01T00:00:00.000Z", id: "x" };

const dead = (holder: Partial<Holder> | null, alive: string | null, silentMs = 0, machine: Partial<Machine> = {}) =>
  isDead(
    holder && { ...HOLDER, ...holder },
    { ...MACHINE, ...machine },
    { processIdentity: () => alive, silentMs, limitMs: 1000 },
  );

test("on its own machine the kernel decides, however silent the holder is", () => {
  assert.equal(dead({}, "7 100", 99_999), false);
  assert.equal(dead({}, null), true);
  assert.equal(dead({}, "7 200"), true, "another process has its number");
  assert.equal(dead({ host: "renamed" }, "7 100", 99_999), false);
});

test("of another host or container only silence tells", () => {
  for (const there of [
    { boot: "boot-2", host: "b", installation: "j" },
    { namespace: "pid:[4026532000]" },
    { namespace: null },
  ]) {
    assert.equal(isHere({ ...HOLDER, ...there }, MACHINE), false);
    // Whatever process has that number here says nothing.
    for (const alive of [null, "7 100"]) {
      assert.equal(dead(there, alive, 1000), false);
      assert.equal(dead(there, alive, 1001), true);
    }
  }
  // A lock of an older version, or of a kernel that does not tell: a living process of that very start is its holder.
  assert.equal(dead({ boot: null }, "7 100", 9999), false);
  assert.equal(dead({ boot: null }, null, 1000), false);
  assert.equal(dead({ boot: null }, null, 1001), true);
  assert.equal(dead(null, null, 1000), false, "a lock that names nobody");
  assert.equal(dead(null, null, 1001), true);
});

test("a machine that was started again has none of its old processes; containers of one image are not that", () => {
  assert.equal(dead({ boot: "boot-0" }, "7 100"), true);
  const container = { namespace: "pid:[4026532000]" };
  assert.equal(dead({ boot: "boot-0", ...container }, null, 0, container), false);
  assert.equal(dead({ boot: "boot-0", host: "b" }, null), false);
  assert.equal(dead({ boot: "boot-0", installation: "j" }, null), false);
});

test("this machine is known by what makes process numbers comparable", () => {
  const { host, boot, namespace } = thisMachine();
  assert.ok(host.length > 0);
  assert.match(String(boot), /^[0-9a-f-]{36}$/);
  assert.match(String(namespace), /^pid:\[\d+\]$/);
});
