/** What ends a command that lasts: signals, and a reader that goes away. */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { type TestContext, test } from "node:test";
import { perform } from "../../../src/commands/terminal.js";
import { EXIT } from "../../../src/errors.js";
import { settle } from "../../support/fake-clock.js";

/** A command that ends as soon as it is asked to and `finish` was called. */
async function begin(context: TestContext) {
  const exits: unknown[] = [];
  context.mock.method(process, "exit", (code: unknown) => exits.push(code));
  let said = "";
  const stream = () =>
    new PassThrough().on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
  let readerGone = (_stream: "stdout" | "stderr") => {};
  let finish = () => {};
  const command = {
    name: "wait",
    describe: "",
    positionals: [],
    options: [],
    lasting: { title: null, saves: true },
    load: async () => ({
      names: [],
      run: () =>
        new Promise<number>((resolve) => {
          finish = () => resolve(EXIT.done);
        }),
    }),
  };
  const io = { stdout: stream(), stderr: stream(), env: {} };
  const ended = perform(command, {}, io, {
    onReaderGone(stop) {
      readerGone = stop;
    },
    resultsLost: () => false,
  });
  await settle();
  return {
    exits,
    stops: () => said.match(/stopping/g)?.length ?? 0,
    said: () => said,
    readerGone: () => readerGone("stdout"),
    signal: (name: "SIGINT" | "SIGTERM") => process.emit(name, name),
    async finish() {
      finish();
      await ended;
    },
  };
}

test("a reader that goes away asks for a stop once; Ctrl-C after it does not wait for that", async (context) => {
  const running = await begin(context);
  running.readerGone();
  running.signal("SIGTERM");
  assert.deepEqual([running.stops(), running.exits], [1, []]);
  running.signal("SIGINT");
  assert.deepEqual([running.stops(), running.exits], [1, [EXIT.aborted]]);
  assert.match(running.said(), /the reader of stdout is gone: stopping; what is done is saved\./);
  assert.match(running.said(), /aborted/);
  await running.finish();
});

test("a reader that goes away after a signal says nothing new, and ends nothing at once", async (context) => {
  const running = await begin(context);
  running.signal("SIGINT");
  running.readerGone();
  assert.deepEqual([running.stops(), running.exits], [1, []]);
  await running.finish();
});
