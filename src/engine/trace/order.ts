/** In which order a graph's streams leave, and what must wait for them. Pure. */

export interface StreamOrder {
  /** Streams by the place of their last op in the trace. */
  streams: readonly number[];
  /** Ops that may not start before a stream has left, by stream. */
  waiting: ReadonlyMap<number, readonly number[]>;
}

/**
 * TensorFlow's executor runs what became ready last first. Left to itself it follows the backward pass down to the first
 * layer, and computes biases' gradients, and hands streams out, only then. So what the body wrote after a stream's last op
 * waits for that stream: nobody waits in a circle, since an op is written after those that it reads.
 *
 * `inputs`: for each op, in the order of the trace, the ops that it reads. `streams`: for each stream the ops that it hands
 * out.
 */
export function orderOf(inputs: readonly (readonly number[])[], streams: readonly (readonly number[])[]): StreamOrder {
  const ends = streams.map((ops) => Math.max(-1, ...ops));
  const order = streams.map((_, index) => index).sort((a, b) => ends[a]! - ends[b]! || a - b);
  const waiting = new Map<number, number[]>();
  order.forEach((stream, place) => {
    const start = ends[stream]! + 1;
    const following = order[place + 1];
    const end = following === undefined ? start : ends[following]! + 1;
    // What reads an op of the same stretch waits with that one; a constant, which reads nothing, need not wait.
    const early = (op: number) => op < start || inputs[op]!.length === 0;
    const first = [];
    for (let op = start; op < end; op++) if (!early(op) && inputs[op]!.every(early)) first.push(op);
    if (first.length > 0) waiting.set(stream, first);
  });
  return { streams: order, waiting };
}
