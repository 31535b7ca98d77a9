/** A run's other machines, and what crosses the network for each. Pure; changed in place. */
import type { NodeEvent } from "../../events.js";
import type { PageStep } from "./steps.js";

type Told = Pick<NodeEvent, "node" | "incarnation" | "state" | "host" | "device" | "workers" | "detail">;

export interface NodeRow extends Required<Told> {
  /** Bytes of the last step that it had a part in, from it and to it; null: none yet. */
  bytes: { in: number; out: number } | null;
}

export function nodeHappened(nodes: NodeRow[], event: NodeEvent): void {
  const { node, incarnation, state, host, device, workers, detail = "" } = event;
  const found = nodes.find((each) => each.node === node);
  if (found && incarnation < found.incarnation) return; // the end of an incarnation may be told after its successor has begun
  const row: NodeRow = { node, incarnation, state, host, device, workers, detail, bytes: found?.bytes ?? null };
  if (found) Object.assign(found, row);
  else {
    nodes.push(row);
    nodes.sort((a, b) => a.node - b.node);
  }
}

export function bytesCrossed(
  nodes: readonly NodeRow[],
  { node_bytes: ofNodes = {} }: Pick<PageStep, "node_bytes">,
): void {
  for (const row of nodes) {
    const bytes = ofNodes[row.node];
    if (bytes && bytes.in + bytes.out > 0) row.bytes = bytes;
  }
}
