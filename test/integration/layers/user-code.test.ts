/** What a user sees when the code of their own model fails: what, in which line of which file, and where the stack is. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { RunEvent } from "../../../src/events.js";
import { runHere } from "../../support/runs.js";
import { temporaryDirectory } from "../../support/temporary.js";

/** `call`: the body of a layer's call, on line 3. `build`: what createModel does first, on line 6. */
function moduleOf({ call = "return x;", build = "" }: { call?: string; build?: string }): string {
  return `export function createModel(tf, { inputShape, classes }) {
  class Own extends tf.layers.Layer { call([x]) {
    ${call}
  } }
  Own.className = "Own";
  ${build}
  return tf.sequential({ layers: [tf.layers.flatten({ inputShape }), new Own({}), tf.layers.dense({ units: classes })] });
}
`;
}

/** Fails at once, without a restart; gives the error. */
async function failure(context: TestContext, source: string): Promise<{ message: string; path: string; log: string }> {
  const dir = temporaryDirectory(context);
  const path = join(dir, "own.mjs");
  writeFileSync(path, source);
  const runDir = join(dir, "run");
  const lives: string[] = [];
  const observe = (event: RunEvent) => {
    if (event.event === "worker") lives.push(`${event.incarnation} ${event.state} ${event.detail ?? ""}`);
  };
  const overrides = { batchSize: 12, shards: 3, steps: 2 };
  const error = await runHere(context, path, { overrides, placement: { workers: 1, runDir }, observe }).then(
    () => assert.fail("the run was expected to fail"),
    (error: Error & { code: string; exitCode: number }) => error,
  );
  assert.ok(
    lives.every((life) => life.startsWith("0 ")),
    lives.join("\n"),
  );
  assert.equal(error.exitCode, error.code === "model-code" ? 2 : 1, error.message);
  const log = join(runDir, "logs", "rank-0.log");
  return { message: `${error.code}: ${error.message}`, path, log };
}

test("an error in a layer's call ends the run at once, and names the line", async (context) => {
  const { message, path, log } = await failure(context, moduleOf({ call: "return x.nothing();" }));
  assert.ok(
    message.startsWith(
      `model-code: model ${path} threw an error: TypeError: x.nothing is not a function (at ${path}:3:14)`,
    ),
    message,
  );
  assert.ok(message.includes(`The whole stack is in ${log}.`), message);
  const stack = readFileSync(log, "utf8");
  assert.match(stack, /TypeError: x\.nothing is not a function\n\s+at Own\.call \(file:.*own\.mjs:3:14\)/);
});

test("an error while the model is built ends the run at once, and names the line", async (context) => {
  const { message, path, log } = await failure(context, moduleOf({ build: 'throw new RangeError("too deep");' }));
  assert.ok(
    message.includes(`model-code: model ${path} threw an error: RangeError: too deep (at ${path}:6:9)`),
    message,
  );
  assert.ok(message.includes(`The whole stack is in ${log}.`), message);
});

test("an op of tfjs that refuses its arguments is the model's error too", async (context) => {
  const { message, path } = await failure(context, moduleOf({ call: "return tf.matMul(x, tf.zeros([3, 3]));" }));
  assert.ok(message.startsWith("model-code: "), message);
  assert.ok(message.includes(`(at ${path}:3:15)`), message);
});

test("what a step cannot hold is refused in the user's own line", async (context) => {
  for (const [code, parts] of [
    ["trace-read", { call: "x.sum().dataSync(); return x;" }],
    ["trace-variable", { call: "return x.add(extra);", build: "const extra = tf.variable(tf.zeros([1]));" }],
    ["dynamic-shape", { call: "return tf.unique(x.flatten()).values;" }],
  ] as const) {
    const { message, path } = await failure(context, moduleOf(parts));
    assert.ok(message.startsWith(`${code}: `), message);
    assert.match(message, new RegExp(`\\(at ${path}:3:\\d+\\)`));
  }
});
