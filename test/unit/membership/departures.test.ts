import assert from "node:assert/strict";
import { test } from "node:test";
import { CONNECTION_GONE, Departures } from "../../../src/membership/departures.js";

const FIRST = { rank: 2, incarnation: 0 };
const noLog = () => ({ header: "", lines: [] });

test("the last to go is told with what it said itself, before how its process ended", () => {
  const departures = new Departures();
  assert.match(departures.lastToGo(noLog), /^none has gone$/);
  departures.left(FIRST, "its connection is gone", "gpu:1, step 7, computing");
  assert.match(departures.lastToGo(noLog), /rank 2: its connection is gone \(gpu:1, step 7, computing\)\.$/);
  departures.left(FIRST, "out of memory in Conv2D");
  departures.exited(FIRST, "its process ended with exit code 1");
  assert.match(departures.lastToGo(noLog), /the last to go was rank 2: out of memory in Conv2D\.$/);
  departures.exited({ rank: 2, incarnation: 1 }, "its process was ended by SIGSEGV");
  assert.match(
    departures.lastToGo((rank) => ({ header: "--- begun", lines: ["words", `of ${rank}`] })),
    /rank 2: its process was ended by SIGSEGV\.\nThe last lines of its log:\nwords\nof 2$/,
  );
  assert.match(
    departures.lastToGo(() => ({ header: "--- begun", lines: [] })),
    /\nThe last lines of its log:\n--- begun$/,
    "when it began is something, too",
  );
});

test("a connection that is gone says less than the end of its process, whichever is seen first", () => {
  const departures = new Departures();
  departures.left(FIRST, CONNECTION_GONE);
  assert.equal(departures.causeOf(FIRST, CONNECTION_GONE), CONNECTION_GONE);
  departures.exited(FIRST, "its process was ended by SIGKILL");
  assert.equal(departures.causeOf(FIRST, CONNECTION_GONE), "its process was ended by SIGKILL");
  assert.match(departures.lastToGo(noLog), /rank 2: its process was ended by SIGKILL/);
  assert.equal(departures.causeOf(FIRST, "it has been silent"), "it has been silent");
});
