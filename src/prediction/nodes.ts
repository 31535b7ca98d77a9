/** What the members of a run's coordinator cost it where they are nodes, whole machines. Pure. docs/scaling.md explains it. */

/** CPU seconds of the coordinator. A MB is 1,000,000 bytes. */
export interface NodeCosts {
  /** The one that adds and updates: a step, a message in either direction, a MB in and out again, a MB of the parameters. */
  step: number;
  message: number;
  crossedMegabyte: number;
  megabyte: number;
  /** Those that encrypt and speak to the network, together: a message, a MB in and out again. */
  socketMessage: number;
  socketMegabyte: number;
}

export interface Crossing {
  /** Beside the first, and the workers of each. */
  nodes: number;
  workers: number;
  /** Sums a bucket that come in from all of them: one a node, or more where its shards are no whole range of the tree. */
  sums: number;
  /** Bytes of the trainable parameters, and the buckets that they travel in. */
  parameterBytes: number;
  buckets: number;
  /** Among which connections are shared out. */
  socketThreads: number;
}

/** Messages a step in both directions: sums and weights, a loss and the times of each worker, an assignment and its end. */
export const messagesOf = ({
  nodes,
  workers,
  sums,
  buckets,
}: Omit<Crossing, "parameterBytes" | "socketThreads">): number => (sums + nodes) * buckets + 2 * nodes * (workers + 1);

/** What a step takes at least of each: seconds, which pass at the same time. */
export interface Bounds {
  /** The wire, which carries as much at once in each direction. */
  wire: number;
  /** The busiest of the threads that encrypt, and the one that adds and updates. */
  socket: number;
  thread: number;
}

/** Of what all connections take, which are as many as the nodes, the part of the thread that has most of them. */
export const busiestShare = ({ nodes, socketThreads }: Pick<Crossing, "nodes" | "socketThreads">): number =>
  Math.ceil(nodes / socketThreads) / nodes;

export interface Speed {
  linkBytesPerSecond: number;
  /** How many times as long this machine takes for a copy as the one that was measured. */
  slower: number;
}

export const boundsOf = (crossing: Crossing, costs: NodeCosts, speed: Speed): Bounds =>
  shareOf(crossing, costs, speed, 1);

/**
 * The same of each machine of a sliced exchange, which nobody has built: each of the machines is the coordinator of its share of
 * the buckets, and a node of the others'. What crosses in all is the same, and each machine sees its share of it twice.
 */
export const slicedBoundsOf = (crossing: Crossing, costs: NodeCosts, speed: Speed): Bounds =>
  shareOf(crossing, costs, speed, crossing.nodes + 1);

function shareOf(
  crossing: Crossing,
  costs: NodeCosts,
  { linkBytesPerSecond, slower }: Speed,
  machines: number,
): Bounds {
  const { nodes, sums, parameterBytes } = crossing;
  const share = machines === 1 ? 1 : 2 / machines;
  const megabytes = parameterBytes / 1e6;
  const messages = share * messagesOf(crossing);
  const crossed = (share * (sums + nodes) * megabytes) / 2;
  return {
    wire: (share * Math.max(sums, nodes) * parameterBytes) / linkBytesPerSecond,
    // Encrypting is no traffic of memory.
    socket: busiestShare(crossing) * (messages * costs.socketMessage + crossed * costs.socketMegabyte),
    thread:
      costs.step +
      messages * costs.message +
      (crossed * costs.crossedMegabyte + (megabytes * costs.megabyte) / machines) * slower,
  };
}
