/** What lies on each device of a traced function, and what crosses from one to the other, counted in its graph. Pure. */
import type { GraphNode } from "../native/graph.js";

/** A tensor that a device makes and another one reads. TensorFlow sends it once, however many ops read it there. */
export interface Crossing {
  from: number;
  to: number;
  bytes: number;
  /** Of the backward pass. */
  backward: boolean;
}

export interface DeviceBytes {
  /** Of variables, as they come from the host. */
  parameters: number;
  /** What the forward pass leaves for the backward pass: made there, or come from another device. */
  activations: number;
}

export interface Placement {
  /** One a device that the body names. */
  devices: readonly DeviceBytes[];
  /** In the order in which the body reads them. */
  crossings: readonly Crossing[];
}

export interface Boundaries {
  /** Nodes that are vectors of variables. */
  variables: ReadonlySet<number>;
  /** The last node of the forward pass. */
  forwardEnd: number;
  /** Nodes whose outputs leave the function: what none of them needs is never computed. */
  results: readonly number[];
}

/** Null where no node has a device. */
export function placementOf(nodes: readonly GraphNode[], boundaries: Boundaries): Placement | null {
  const count = Math.max(0, ...nodes.map(({ place }) => (typeof place === "number" ? place + 1 : 0)));
  if (count === 0) return null;
  const { variables, forwardEnd, results } = boundaries;
  const needed = ancestorsOf(nodes, results);
  const fromVariables = descendantsOnHost(nodes, variables);
  const tensors = new Map<string, Tensor>();
  const crossings: Crossing[] = [];
  nodes.forEach(({ place, inputs }, reader) => {
    if (typeof place !== "number" || !needed.has(reader)) return;
    for (const input of inputs.map((each) => memoryOf(nodes, each, place))) {
      const { place: source, outputBytes } = nodes[input.node]!;
      const key = `${input.node}:${input.index} on ${place}`;
      const known = tensors.get(key);
      const bytes = outputBytes[input.index]!;
      const since = source === place ? input.node : reader;
      tensors.set(key, {
        since,
        bytes,
        device: place,
        parameter: fromVariables.has(input.node),
        ...known,
        until: reader,
      });
      if (known || typeof source !== "number" || source === place) continue;
      crossings.push({ from: source, to: place, bytes, backward: reader > forwardEnd });
    }
  });
  const sum = (device: number, counts: (tensor: Tensor) => boolean) =>
    [...tensors.values()].reduce((total, each) => total + (each.device === device && counts(each) ? each.bytes : 0), 0);
  return {
    devices: Array.from({ length: count }, (_, device) => ({
      parameters: sum(device, ({ parameter }) => parameter),
      activations: sum(device, (each) => !each.parameter && each.since <= forwardEnd && each.until > forwardEnd),
    })),
    crossings,
  };
}

/** A tensor in a device's memory. */
interface Tensor {
  /** The node that makes it there or, of one from elsewhere, reads it first; and the last that reads it. */
  since: number;
  until: number;
  bytes: number;
  device: number;
  parameter: boolean;
}

/** Their output is their first input's memory. */
const ALIASES: ReadonlySet<string> = new Set(["Reshape", "Identity", "ExpandDims", "Squeeze"]);

type Input = GraphNode["inputs"][number];

/** The output in whose memory `input` lies on that device. */
function memoryOf(nodes: readonly GraphNode[], input: Input, place: number): Input {
  const { type, place: at, inputs } = nodes[input.node]!;
  return ALIASES.has(type) && at === place ? memoryOf(nodes, inputs[0]!, place) : input;
}

function ancestorsOf(nodes: readonly GraphNode[], results: readonly number[]): ReadonlySet<number> {
  const found = new Set(results);
  for (let number = nodes.length - 1; number >= 0; number--)
    if (found.has(number)) for (const { node } of nodes[number]!.inputs) found.add(node);
  return found;
}

/** Nodes on the host, and those given, that are computed from `roots`. */
function descendantsOnHost(nodes: readonly GraphNode[], roots: ReadonlySet<number>): ReadonlySet<number> {
  const found = new Set(roots);
  nodes.forEach(({ place, inputs }, number) => {
    if (place === "host" && inputs.some(({ node }) => found.has(node))) found.add(number);
  });
  return found;
}
