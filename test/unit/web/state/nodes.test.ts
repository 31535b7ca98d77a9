import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeEvent } from "../../../../src/events.js";
import { pageEvent } from "../../../../src/web/state/page-event.js";
import { advance, emptyRunState } from "../../../../src/web/state/run-state.js";
import { PLAN, STEP } from "../../../support/run-events.js";

const NODE: NodeEvent = {
  event: "node",
  node: 2,
  incarnation: 0,
  state: "joining",
  host: "n2",
  device: "cpu",
  workers: 2,
};

test("other machines have a row each, with the bytes of the last step that they had a part in", () => {
  const state = emptyRunState();
  const tell = (event: Parameters<typeof pageEvent>[0]) => advance(state, [0, pageEvent(event)!]);
  tell(PLAN);
  tell({ ...STEP, step: 1 });
  assert.equal(state.nodes.length, 0);
  tell(NODE);
  tell({ ...NODE, node: 1, host: "n1" });
  assert.deepEqual(
    state.nodes.map(({ node, host, bytes }) => [node, host, bytes]),
    [
      [1, "n1", null],
      [2, "n2", null],
    ],
  );
  const [one, two] = [
    { in: 10, out: 20 },
    { in: 30, out: 40 },
  ];
  tell({ ...STEP, step: 2, node_bytes: { 1: one, 2: two } });
  tell({ ...NODE, state: "lost", detail: "its connection is gone" });
  tell({ ...STEP, step: 3, node_bytes: { 1: one, 2: { in: 0, out: 0 } } });
  assert.deepEqual(
    state.nodes.map(({ state: now, detail, bytes }) => [now, detail, bytes]),
    [
      ["joining", "", one],
      ["lost", "its connection is gone", two],
    ],
  );
  tell({ ...NODE, incarnation: 1, state: "working" });
  tell({ ...NODE, incarnation: 0, state: "lost" });
  assert.deepEqual(
    state.nodes.map((row) => [row.state, row.incarnation]),
    [
      ["joining", 0],
      ["working", 1],
    ],
  );
});

test("machines of a run that is resumed come again", () => {
  const state = emptyRunState();
  for (const event of [PLAN, NODE, PLAN]) advance(state, [0, event]);
  assert.deepEqual(state.nodes, []);
});
