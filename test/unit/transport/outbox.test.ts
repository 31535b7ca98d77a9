import assert from "node:assert/strict";
import { test } from "node:test";
import { skim } from "../../../src/protocol/skim.js";
import { Outbox, receiptBytes, receiptOf } from "../../../src/transport/outbox.js";

const WINDOW = 100;

interface Letter {
  name: string;
  payload?: Uint8Array;
}

const letter = (name: string, bytes = 0): Letter => (bytes > 0 ? { name, payload: new Uint8Array(bytes) } : { name });

function outbox(): { box: Outbox<Letter>; sent: () => string } {
  const sent: string[] = [];
  return { box: new Outbox((message) => sent.push(message.name), WINDOW), sent: () => sent.splice(0).join() };
}

test("no more than a window is on its way, in order, and what was taken makes room", () => {
  const { box, sent } = outbox();
  for (const name of ["a", "b", "c", "d"]) box.push(letter(name, 40));
  box.push(letter("end"));
  assert.equal(sent(), "a,b");
  box.taken(40);
  assert.equal(sent(), "c");
  box.taken(80);
  assert.equal(sent(), "d,end");
});

test("a payload larger than the window goes alone", () => {
  const { box, sent } = outbox();
  for (const [name, bytes] of [
    ["small", 10],
    ["huge", 1000],
    ["next", 10],
  ] as const)
    box.push(letter(name, bytes));
  assert.equal(sent(), "small");
  box.taken(10);
  assert.equal(sent(), "huge");
  box.taken(1000);
  assert.equal(sent(), "next");
});

test("messages without payload wait for nothing but their turn", () => {
  const { box, sent } = outbox();
  box.push(letter("full", WINDOW));
  box.push(letter("assign"));
  box.push(letter("weights", 1));
  box.push(letter("after"));
  assert.equal(sent(), "full,assign");
  box.taken(WINDOW);
  assert.equal(sent(), "weights,after");
});

test("a connection that was lost took what was on its way with it; claims of more than that do no harm", () => {
  const { box, sent } = outbox();
  for (const name of ["a", "b", "c"]) box.push(letter(name, 80));
  box.taken(Number.POSITIVE_INFINITY);
  assert.equal(sent(), "a,b");
  box.taken(1_000_000);
  box.push(letter("d", 80));
  assert.equal(sent(), "c");
});

test("it is empty once all was sent, or once what waits was given up", async () => {
  const { box } = outbox();
  await box.empty();
  box.push(letter("a", 80));
  box.push(letter("b", 80));
  let empty = false;
  const waiting = box.empty().then(() => {
    empty = true;
  });
  await Promise.resolve();
  assert.equal(empty, false);
  box.taken(80);
  await waiting;
  box.push(letter("c", 80));
  box.clear();
  await box.empty();
});

test("a receipt is told from every header, and nothing else is taken for one", () => {
  for (const bytes of [0, 1, 4_194_304, 2 ** 40]) assert.equal(receiptBytes([receiptOf(bytes)]), bytes);
  assert.equal(skim(receiptOf(1)), "malformed");
  for (const bytes of [-1, Number.NaN, 1.5]) assert.equal(receiptBytes([receiptOf(bytes)]), null);
  assert.equal(receiptBytes([]), null);
  assert.equal(receiptBytes([receiptOf(1), receiptOf(1)]), null);
  assert.equal(receiptBytes([receiptOf(1).subarray(0, 8)]), null);
});
