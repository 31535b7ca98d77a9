import assert from "node:assert/strict";
import { test } from "node:test";
import { checkTcpEndpoint } from "../../../src/transport/address.js";

test("hosts, addresses and wildcards are accepted, with a port or any that is free", () => {
  for (const endpoint of [
    "tcp://127.0.0.1:5555",
    "tcp://127.1.2.3:1",
    "tcp://localhost:65535",
    "tcp://[::1]:5555",
    "tcp://127.0.0.1:*",
    "tcp://127.0.0.1:0",
    "tcp://0.0.0.0:5555",
    "tcp://*:5555",
    "tcp://[::]:5555",
    "tcp://node-3.example.org:5555",
  ])
    checkTcpEndpoint("--bind", endpoint);
});

test("anything else is no address", () => {
  for (const endpoint of [
    "",
    "5555",
    "127.0.0.1:5555",
    "udp://127.0.0.1:5555",
    "tcp://127.0.0.1",
    "tcp://127.0.0.1:65536",
    "tcp://127.0.0.1:-1",
    "tcp://127.0.0.1:5555/x",
    "tcp://:5555",
    "ipc:///tmp/x",
  ])
    assert.throws(
      () => checkTcpEndpoint("--connect", endpoint),
      /^UsageError: --connect.*tcp:\/\/HOST:PORT/s,
      endpoint,
    );
});
