import assert from "node:assert/strict";
import { test } from "node:test";
import { boundsOf, type Crossing, messagesOf, type NodeCosts, slicedBoundsOf } from "../../../src/prediction/nodes.js";

const COSTS: NodeCosts = {
  step: 1,
  message: 0.01,
  crossedMegabyte: 2,
  megabyte: 3,
  socketMessage: 0.001,
  socketMegabyte: 5,
};
const SPEED = { linkBytesPerSecond: 1e6, slower: 1 };
/** Three nodes of two workers, 8 MB in two buckets. */
const THREE: Crossing = { nodes: 3, workers: 2, sums: 3, parameterBytes: 8e6, buckets: 2, socketThreads: 1 };

const near = (received: number, expected: number) =>
  assert.ok(Math.abs(received - expected) < 1e-9, `${received}, expected ${expected}`);

test("each node sends a sum and gets the weights; in both directions at once", () => {
  assert.equal(messagesOf(THREE), 3 * (2 + 2) + 3 * 2 * 3);
  const { wire, socket, thread } = boundsOf(THREE, COSTS, SPEED);
  near(wire, 24);
  near(socket, 30 * 0.001 + 24 * 5);
  near(thread, 1 + 30 * 0.01 + 24 * 2 + 8 * 3);
});

test("a node whose shards are no whole range sends more than it gets", () => {
  const { wire, socket } = boundsOf({ ...THREE, sums: 5 }, COSTS, SPEED);
  near(wire, 40);
  near(socket, (5 * 2 + 3 * 2 + 18) * 0.001 + 32 * 5);
});

test("a machine that copies slower adds slower; encrypting and the wire are as they are", () => {
  const [usual, slow] = [1, 2].map((slower) => boundsOf(THREE, COSTS, { ...SPEED, slower }));
  assert.deepEqual([slow!.wire, slow!.socket], [usual!.wire, usual!.socket]);
  near(slow!.thread - usual!.thread, 24 * 2 + 8 * 3);
});

test("sliced, each machine has its share of what crosses twice, and of the updates once", () => {
  const { wire, socket, thread } = slicedBoundsOf(THREE, COSTS, SPEED);
  near(wire, 12);
  near(socket, 15 * 0.001 + 12 * 5);
  near(thread, 1 + 15 * 0.01 + 12 * 2 + 2 * 3);
});

test("two machines exchange as much sliced as not", () => {
  const two = { ...THREE, nodes: 1, sums: 1 };
  assert.equal(slicedBoundsOf(two, COSTS, SPEED).wire, boundsOf(two, COSTS, SPEED).wire);
});

test("connections are shared out among the threads that encrypt", () => {
  const socket = (nodes: number, socketThreads: number) =>
    boundsOf({ ...THREE, nodes, sums: nodes, socketThreads }, COSTS, SPEED).socket;
  near(socket(8, 4), socket(8, 1) / 4);
  near(socket(1, 4), socket(1, 1));
  near(socket(5, 4), (socket(5, 1) * 2) / 5);
});
