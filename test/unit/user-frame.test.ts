import assert from "node:assert/strict";
import { test } from "node:test";
import { userFrame } from "../../src/user-frame.js";

const OURS = "/opt/cnn-dist/dist/src/";
const frame = (...lines: string[]) => userFrame(lines.join("\n"), OURS);

test("the first frame that is the user's, whatever called it", () => {
  assert.equal(
    frame(
      "TypeError: x is not a function",
      "    at Binding.read (file:///opt/cnn-dist/dist/src/engine/native/binding.js:114:13)",
      "    at Add.apply (/opt/cnn-dist/node_modules/@tensorflow/tfjs-layers/dist/tf-layers.node.js:1:2)",
      "    at node:internal/process/task_queues:140:7",
      "    at Noise.call (file:///home/me/src/engine/own%20model.mjs:12:34)",
      "    at createModel (file:///home/me/other.mjs:1:1)",
    ),
    "/home/me/src/engine/own model.mjs:12:34",
  );
  assert.equal(frame("Error: no", "    at /home/me/own.cjs:3:14"), "/home/me/own.cjs:3:14");
  assert.equal(frame("Error: no", "    at async f (file:///home/me/own.mjs?v=2:3:14)"), "/home/me/own.mjs:3:14");
});

test("a syntax error has a line and no column", () => {
  assert.equal(
    frame("file:///home/me/own.mjs:7", "  return tf.(", "            ^", "SyntaxError: Unexpected token '('"),
    "/home/me/own.mjs:7",
  );
});

test("null where nothing of it is the user's", () => {
  assert.equal(frame("Error: no", "    at f (file:///opt/cnn-dist/dist/src/worker/compute.js:3:4)"), null);
  assert.equal(frame("Error: see /etc/hosts"), null);
});
