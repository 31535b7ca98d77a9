import assert from "node:assert/strict";
import { test } from "node:test";
import { HANDSHAKE_MS } from "../../../src/config/time-limits.js";
import { Door } from "../../../src/transport/door.js";

const LATER = HANDSHAKE_MS + 1000;

test("connections that failed are counted at the next look, those that said nothing once their time is over", () => {
  const door = new Door();
  for (let index = 0; index < 10; index++) door.came();
  door.proved();
  door.failed();
  door.failed();
  assert.equal(door.look(0), 2);
  assert.equal(door.look(LATER - 1), 0);
  assert.equal(door.look(LATER), 7);
  assert.equal(door.look(10 * LATER), 0);
});

test("what comes later takes nothing from what is counted, and is counted in its turn", () => {
  const door = new Door();
  for (let index = 0; index < 5; index++) door.came();
  assert.equal(door.look(0), 0);
  door.came();
  door.proved();
  door.came();
  door.failed();
  assert.equal(door.look(500), 1);
  assert.equal(door.look(LATER), 3); // two of five may still be those that were heard of since
  assert.equal(door.look(LATER + 500), 2);
  assert.equal(door.look(LATER * 3), 0);
});
