import assert from "node:assert/strict";
import { test } from "node:test";
import { Departures } from "../../../../src/coordinator/membership/departures.js";

test("what the last worker said ends in one full stop", () => {
  const departures = new Departures();
  departures.left(
    { rank: 1, incarnation: 0 },
    "a traced step needs ops whose shapes follow from their inputs' shapes.",
  );
  const told =
    "no worker is left and none will be started again; the last to go was rank 1: a traced step needs ops whose";
  assert.equal(
    departures.nobodyLeft(() => ""),
    `${told} shapes follow from their inputs' shapes.`,
  );
  departures.left({ rank: 1, incarnation: 0 }, "its process was ended by SIGKILL");
  assert.match(
    departures.nobodyLeft(() => "a line"),
    /ended by SIGKILL\.\nThe last lines of its log:\na line$/,
  );
});
