import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../../../src/errors.js";
import { checkTcpEndpoint } from "../../../src/transport/address.js";

test("loopback addresses are accepted, with a port or any that is free", () => {
  for (const endpoint of [
    "tcp://127.0.0.1:5555",
    "tcp://127.1.2.3:1",
    "tcp://localhost:65535",
    "tcp://[::1]:5555",
    "tcp://127.0.0.1:*",
    "tcp://127.0.0.1:0",
  ])
    checkTcpEndpoint("--bind", endpoint);
});

test("addresses that others can reach are refused, since nothing is encrypted, and the way round is named", () => {
  for (const endpoint of [
    "tcp://0.0.0.0:5555",
    "tcp://*:5555",
    "tcp://[::]:5555",
    "tcp://192.168.1.7:5555",
    "tcp://example.org:5555",
    "tcp://localhost.example.org:5555",
    "tcp://127.0.0.1.example.org:5555",
    "tcp://eth0:5555",
  ])
    assert.throws(
      () => checkTcpEndpoint("--bind", endpoint),
      (error) => error instanceof UsageError && error.message.includes(endpoint) && /SSH tunnel/.test(error.message),
      endpoint,
    );
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
