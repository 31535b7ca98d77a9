import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { expandHostlist } from "../../../src/cluster/hostlist.js";

test("a list of hosts is expanded as Slurm writes it", () => {
  const lists: [string, string[]][] = [
    ["n1", ["n1"]],
    ["n1,n2", ["n1", "n2"]],
    ["n[1-3,7]", ["n1", "n2", "n3", "n7"]],
    ["n[08-11]", ["n08", "n09", "n10", "n11"]],
    ["gnode[10,20],login-a,rack[1-2]", ["gnode10", "gnode20", "login-a", "rack1", "rack2"]],
    ["r[1-2]n[1-2]", ["r1n1", "r1n2", "r2n1", "r2n2"]],
    ["n[1-2].cluster.local", ["n1.cluster.local", "n2.cluster.local"]],
    ["n[5]", ["n5"]],
  ];
  for (const [list, hosts] of lists) assert.deepEqual(expandHostlist(list), hosts, list);
});

test("what is no list of hosts is refused, and none fills the memory", () => {
  for (const text of [
    "",
    ",",
    "n1,",
    ",n1",
    "n1,,n2",
    "n[",
    "n]",
    "n[]",
    "n[1-]",
    "n[3-1]",
    "n[a-b]",
    "n[1",
    "n1]",
    "n 1",
  ])
    assert.equal(expandHostlist(text), null, text);
  assert.equal(expandHostlist("n[1-999999999]"), null);
  assert.equal(expandHostlist("n[1-2000]n[1-2000]"), null);
});

test("no text at all throws or takes long", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9[\],-]{0,24}$/), (text) => {
      const hosts = expandHostlist(text);
      assert.ok(hosts === null || hosts.every((host) => host !== "" && !/[[\],]/.test(host)), text);
    }),
  );
});
