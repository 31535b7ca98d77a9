import assert from "node:assert/strict";
import { test } from "node:test";
import { PEERS, WIRE } from "../../../src/limits.js";
import { Unheard } from "../../../src/transport/unheard.js";

test("what still comes from a peer is too much after so many messages, or so many bytes", () => {
  const unheard = new Unheard();
  unheard.add("a");
  unheard.add("b");
  for (let message = 1; message < PEERS.unheard; message++) assert.equal(unheard.tooMuch("a", 10), false);
  assert.equal(unheard.tooMuch("a", 10), true);
  assert.equal(unheard.tooMuch("a", 10), false, "what comes by another connection is counted anew");
  assert.equal(unheard.tooMuch("b", WIRE.windowBytes - 1), false);
  assert.equal(unheard.tooMuch("b", 1), true);
});

test("a peer that was not cut off is heard, and of many the oldest are forgotten", () => {
  const unheard = new Unheard();
  assert.equal(unheard.has("a"), false);
  assert.equal(unheard.tooMuch("a", WIRE.windowBytes), false);
  for (let peer = 0; peer <= PEERS.remembered; peer++) unheard.add(`${peer}`);
  assert.equal(unheard.has("0"), false);
  assert.equal(unheard.has("1"), true);
});
