import assert from "node:assert/strict";
import { test } from "node:test";
import { DERIVED_PORTS, derivedPort } from "../../../src/cluster/port.js";
import { parseRendezvous } from "../../../src/cluster/rendezvous.js";

test("a rendezvous is a host, with a port or without", () => {
  assert.deepEqual(parseRendezvous("node1:5555"), { host: "node1", port: 5555 });
  assert.deepEqual(parseRendezvous("train-0.train"), { host: "train-0.train", port: null });
  assert.deepEqual(parseRendezvous("10.0.0.1:65535"), { host: "10.0.0.1", port: 65535 });
  assert.deepEqual(parseRendezvous("[fd00::1]:5555"), { host: "fd00::1", port: 5555 });
  assert.deepEqual(parseRendezvous("[fd00::1]"), { host: "fd00::1", port: null });
});

test("anything else is refused with what was received", () => {
  for (const text of [
    "",
    ":5555",
    "node1:",
    "node1:0",
    "node1:65536",
    "node1:x",
    "tcp://node1:5",
    "a b:1",
    "fd00::1",
    "[node1]:5",
  ])
    assert.throws(() => parseRendezvous(text), {
      code: "launcher",
      message: `--rendezvous: expected HOST:PORT, where node 0 listens and which the other machines can reach, such as node1:5555 or [fd00::1]:5555, received "${text}"`,
    });
});

test("a derived port follows from the text alone and lies in its range", () => {
  assert.equal(derivedPort("slurm 7.0"), derivedPort("slurm 7.0"));
  const ports = Array.from({ length: 2000 }, (_, job) => derivedPort(`slurm ${job}.0`));
  for (const port of ports) assert.ok(port >= DERIVED_PORTS.first && port < DERIVED_PORTS.first + DERIVED_PORTS.count);
  // 2,000 draws from 8,000 meet 8000 (1 - exp(-1/4)) = 1,770 different ones.
  assert.ok(new Set(ports).size > 1650);
});
