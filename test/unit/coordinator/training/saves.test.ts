import assert from "node:assert/strict";
import { test } from "node:test";
import { LAST_CHECKPOINT } from "../../../../src/config/time-limits.js";
import { Saves } from "../../../../src/coordinator/training/saves.js";
import { CnnDistError } from "../../../../src/errors.js";
import type { RunEvent } from "../../../../src/events.js";
import { FakeClock, settle } from "../../../support/fake-clock.js";
import { testSnapshot } from "../../../support/snapshot.js";

const { everyMs, patienceMs } = LAST_CHECKPOINT;

interface Ending {
  full: number;
  stopped?: boolean;
  code?: "disk-full" | "lock-lost";
}

/** The end of a run whose disk is full until so many attempts have failed. */
async function ending({ full, stopped = false, code = "disk-full" }: Ending) {
  const clock = new FakeClock();
  const stop = new AbortController();
  if (stopped) stop.abort();
  const events: RunEvent[] = [];
  const triedAtMs: number[] = [];
  const saves = new Saves({ step: 4, evaluated: true }, 10, {
    clock,
    stopping: stop.signal,
    emit: (event) => void events.push(event),
    async save({ step }) {
      triedAtMs.push(clock.now());
      if (triedAtMs.length <= full) throw new CnnDistError(code, `step ${step}: full.`);
      return { path: "there", sizeBytes: 1 };
    },
    newest: async () => null,
  });
  await saves.begin(testSnapshot({ step: 6 }), { last: true });
  const end = saves.settle().then(
    () => "saved",
    (error: unknown) => error,
  );
  await settle();
  return { clock, stop, saves, events, triedAtMs, end };
}

test("a run's last checkpoint is tried again while there is no space, and told of once", async () => {
  const { clock, saves, events, triedAtMs, end } = await ending({ full: 3 });
  await clock.advance(3 * everyMs);
  assert.equal(await end, "saved");
  assert.equal(saves.path, "there");
  assert.deepEqual(triedAtMs, [0, everyMs, 2 * everyMs, 3 * everyMs]);
  assert.deepEqual(
    events.map(({ event }) => event),
    ["waiting", "checkpoint-failed", "checkpoint"],
  );
  const [told] = events.filter((event) => event.event === "checkpoint-failed");
  assert.match(
    told!.message,
    /^step 6: full\. It is the run's last: .* every 5 seconds for 60 seconds\. .*ends the wait/,
  );
  assert.equal(clock.pending, 0);
});

test("it is given up after a while", async () => {
  const { clock, triedAtMs, end } = await ending({ full: Number.POSITIVE_INFINITY });
  await clock.advance(patienceMs);
  const error = (await end) as CnnDistError;
  assert.equal(error.code, "disk-full");
  assert.match(error.message, /^step 6: full\. The run ends here: nothing after step 4 is saved\.$/);
  assert.equal(triedAtMs.length, 1 + patienceMs / everyMs);
});

test("a stop that is asked for meanwhile ends the wait; one from before does not", async () => {
  const meanwhile = await ending({ full: 3 });
  meanwhile.stop.abort();
  assert.equal(((await meanwhile.end) as CnnDistError).code, "disk-full");
  assert.equal(meanwhile.clock.pending, 0);

  const before = await ending({ full: 1, stopped: true });
  await before.clock.advance(everyMs);
  assert.equal(await before.end, "saved");
});

test("what is no matter of the disk is not tried again", async () => {
  const { triedAtMs, end } = await ending({ full: 1, code: "lock-lost" });
  assert.equal(((await end) as CnnDistError).code, "lock-lost");
  assert.equal(triedAtMs.length, 1);
});
