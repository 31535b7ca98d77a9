import assert from "node:assert/strict";
import { test } from "node:test";
import { type Journal, lineOf, Replay, wordOf } from "../../../../src/engine/trace/journal.js";

const FLOAT = 1;
const one = Float32Array.of(1);
/** Of a body that adds a constant to the product of its input and its variable. */
const journal: Journal = {
  given: [
    { shape: [2], dtype: FLOAT },
    { shape: [2], dtype: FLOAT },
  ],
  entries: [
    { line: lineOf("Mul", [wordOf.given(0), wordOf.given(1)], []), outputs: [{ shape: [2], dtype: FLOAT }] },
    {
      line: lineOf("Add", [wordOf.output(0, 0), wordOf.constant(FLOAT, [], one)], []),
      outputs: [{ shape: [2], dtype: FLOAT }],
    },
  ],
  results: [wordOf.output(1, 0)],
};
const VARIABLE = 7;

function replay() {
  const ids = { next: 100 };
  const replayed = new Replay(
    "step",
    journal,
    () => ids.next++,
    (id) => `tensor ${id}`,
  );
  const [input] = replayed.begin(1, [VARIABLE]);
  return { replayed, input: input!.id };
}
function constant(replayed: Replay, value: number): number {
  replayed.hostConstant(50, FLOAT, [], Float32Array.of(value));
  return 50;
}

test("an op that the second run wants elsewhere differs", () => {
  const { replayed, input } = replay();
  assert.throws(() => replayed.op("Mul", [], [input, VARIABLE], 1, 1), {
    code: "trace-differs",
    message: /against "Mul@1\(given 0, given 1\)/,
  });
});

test("the same body passes, whatever its ids", () => {
  const { replayed, input } = replay();
  const [product] = replayed.op("Mul", [], [input, VARIABLE], 1);
  const [sum] = replayed.op("Add", [], [product!.id, constant(replayed, 1)], 1);
  assert.deepEqual(sum!.shape, [2]);
  replayed.end([sum!.id]);
});

test("another op, another wiring, another constant, an op more, an op less, another result: each is told", () => {
  const differs = (pattern: RegExp, body: (replayed: Replay, input: number, product: () => number) => void) => {
    const { replayed, input } = replay();
    const product = () => replayed.op("Mul", [], [input, VARIABLE], 1)[0]!.id;
    assert.throws(() => body(replayed, input, product), { code: "trace-differs", message: pattern });
  };
  differs(/step: .*"Mul\(given 0, given 1\).*against "Sub\(/, (replayed, input) =>
    replayed.op("Sub", [], [input, VARIABLE], 1),
  );
  differs(/against "Mul\(given 1, given 0\)/, (replayed, input) => replayed.op("Mul", [], [VARIABLE, input], 1));
  differs(/constant/, (replayed, _, product) => replayed.op("Add", [], [product(), constant(replayed, 2)], 1));
  differs(/"\(nothing\)" against "Neg/, (replayed, _, product) => {
    const [sum] = replayed.op("Add", [], [product(), constant(replayed, 1)], 1);
    replayed.op("Neg", [], [sum!.id], 1);
  });
  differs(/"Add\(.*against "\(nothing\)"/, (replayed, _, product) => replayed.end([product()]));
  differs(/"1:0" against "0:0"/, (replayed, _, product) => {
    const of = product();
    replayed.op("Add", [], [of, constant(replayed, 1)], 1);
    replayed.end([of]);
  });
  differs(/tensor 9/, (replayed) => replayed.op("Mul", [], [9, VARIABLE], 1));
});
