import assert from "node:assert/strict";
import { test } from "node:test";
import type { GraphNode } from "../../../../src/engine/native/graph.js";
import { placementOf } from "../../../../src/engine/trace/placement.js";

type Short = readonly [
  type: string,
  place: GraphNode["place"],
  inputs: readonly (number | [number, number])[],
  ...bytes: number[],
];
const graph = (...nodes: readonly Short[]): GraphNode[] =>
  nodes.map(([type, place, inputs, ...outputBytes]) => ({
    type,
    place,
    inputs: inputs.map((input) =>
      typeof input === "number" ? { node: input, index: 0 } : { node: input[0], index: input[1] },
    ),
    outputBytes,
  }));

test("a graph in which nothing has a device has no placement", () => {
  const nodes = graph(["Placeholder", null, [], 8], ["Relu", null, [0], 8], ["Reshape", "host", [1], 8]);
  assert.equal(placementOf(nodes, { variables: new Set(), forwardEnd: 1, results: [2] }), null);
});

/** A variable in two parts, one a device; each computes half of the maps and then reads the other half. */
const STEP = graph(
  ["Placeholder", null, [], 10], // 0: images
  ["Placeholder", "host", [], 80], // 1: a vector of variables
  ["SplitV", "host", [1], 30, 50], // 2
  ["Identity", 0, [[2, 0]], 30], // 3
  ["Identity", 1, [[2, 1]], 50], // 4
  ["Conv2D", 0, [0, 3], 6], // 5
  ["Conv2D", 1, [0, 4], 7], // 6
  ["Identity", 0, [6], 7], // 7: crosses
  ["ConcatV2", 0, [5, 7], 13], // 8
  ["Reshape", 0, [8], 13], // 9: the memory of 8
  ["Sum", 0, [9], 4], // 10: the loss
  ["Grad", 0, [9, 10], 13], // 11
  ["SplitV", 0, [11], 6, 7], // 12
  ["Identity", 1, [[12, 1]], 7], // 13: crosses back
  ["GradFilter", 1, [0, 13], 50], // 14
  ["GradFilter", 0, [0, [12, 0]], 30], // 15
  ["ConcatV2", "host", [15, 14], 80], // 16
  ["Dead", 1, [5], 6], // 17: nobody needs it
);

test("variables, what the backward pass keeps, and what crosses, each counted once", () => {
  const placement = placementOf(STEP, { variables: new Set([1]), forwardEnd: 10, results: [10, 16] })!;
  assert.deepEqual(placement.crossings, [
    { from: 1, to: 0, bytes: 7, backward: false },
    { from: 0, to: 1, bytes: 7, backward: true },
  ]);
  // Device 0 keeps the images, the whole maps and the loss; device 1 the images.
  assert.deepEqual(placement.devices, [
    { parameters: 30, activations: 10 + 13 + 4 },
    { parameters: 50, activations: 10 },
  ]);
});

test("a tensor that is read twice on another device crosses once", () => {
  const nodes = graph(["Relu", 0, [], 5], ["Neg", 1, [0], 5], ["Abs", 1, [0], 5], ["Add", 1, [1, 2], 5]);
  const { crossings } = placementOf(nodes, { variables: new Set(), forwardEnd: 3, results: [3] })!;
  assert.deepEqual(crossings, [{ from: 0, to: 1, bytes: 5, backward: false }]);
});
