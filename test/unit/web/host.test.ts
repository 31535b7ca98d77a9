import assert from "node:assert/strict";
import { test } from "node:test";
import { isOwnHost } from "../../../src/web/host.js";

test("addresses, localhost and the machine's own names are its own", () => {
  for (const host of [
    "127.0.0.1:4711",
    "10.0.0.7",
    "[::1]:80",
    "[fe80::1]",
    "localhost:9",
    "x.localhost",
    "Box:1",
    "box",
  ])
    assert.equal(isOwnHost(host, ["box"]), true, host);
});

test("a name that another site may point here is not", () => {
  for (const host of [
    undefined,
    "",
    "evil.example",
    "evil.example:80",
    "127.0.0.1.evil.example",
    "localhost.evil",
    "a b",
    "box@x",
    "[::1",
    "999.0.0.1",
  ])
    assert.equal(isOwnHost(host, ["box"]), false, host);
});
