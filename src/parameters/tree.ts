/**
 * The one binary tree over shard indices along which gradients are added: a range is split at the largest power of two
 * below its length. Whoever holds both halves of a range may add them, since the tree, not the holder, fixes the order.
 */

/** Shards `start` to `end` (exclusive): a node of the tree. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export function rangeKey(range: Range): string {
  return `${range.start}-${range.end}`;
}

/** The two halves of a node, or null for a leaf. */
export function childrenOf(range: Range): readonly [Range, Range] | null {
  const length = range.end - range.start;
  if (length < 2) return null;
  const middle = range.start + 2 ** (Math.ceil(Math.log2(length)) - 1);
  return [
    { start: range.start, end: middle },
    { start: middle, end: range.end },
  ];
}

/** The fewest nodes of the tree over `shards` leaves that together cover exactly the given shards, in ascending order. */
export function coverOf(owned: Iterable<number>, shards: number): Range[] {
  const mine = new Set(owned);
  const visit = (range: Range): Range[] => {
    let count = 0;
    for (let shard = range.start; shard < range.end; shard++) if (mine.has(shard)) count++;
    if (count === 0) return [];
    if (count === range.end - range.start) return [range];
    return childrenOf(range)!.flatMap(visit);
  };
  return visit({ start: 0, end: shards });
}

/** Adds `right` to `left`, element by element, rounded to float32; returns `left`. */
export function addInPlace(left: Float32Array, right: Float32Array): Float32Array {
  for (let index = 0; index < left.length; index++) left[index] = left[index]! + right[index]!;
  return left;
}

/**
 * Adds node values along the tree as soon as both halves are there. `add(left, right)` may reuse either operand. A shard
 * named in `absent` (an empty slice of a short batch) counts as there and adds nothing.
 */
export class TreeSum<T> {
  readonly #root: Range;
  readonly #add: (left: T, right: T) => T;
  readonly #absent: ReadonlySet<number>;
  readonly #values = new Map<string, T>();

  /** The sum of the node `root`. */
  constructor(root: Range, add: (left: T, right: T) => T, absent: Iterable<number> = []) {
    this.#root = root;
    this.#add = add;
    this.#absent = new Set(absent);
  }

  /** Puts the value of one node in; returns the whole sum when this was the last one missing. */
  put(range: Range, value: T): T | undefined {
    this.#values.set(rangeKey(range), value);
    return this.#fold(this.#root);
  }

  #empty(range: Range): boolean {
    for (let shard = range.start; shard < range.end; shard++) if (!this.#absent.has(shard)) return false;
    return true;
  }

  #fold(range: Range): T | undefined {
    const key = rangeKey(range);
    const held = this.#values.get(key);
    if (held !== undefined) return held;
    const children = childrenOf(range);
    if (!children) return undefined;
    const [left, right] = children;
    if (this.#empty(left)) return this.#fold(right);
    if (this.#empty(right)) return this.#fold(left);
    const a = this.#fold(left);
    const b = this.#fold(right);
    if (a === undefined || b === undefined) return undefined;
    const sum = this.#add(a, b);
    this.#values.delete(rangeKey(left));
    this.#values.delete(rangeKey(right));
    this.#values.set(key, sum);
    return sum;
  }
}

/** In a program of additions: adds the two values on top of the stack. */
export const ADD = -1;

/** Of all shards: the root of the tree. */
export const rootOf = (shards: number): Range => ({ start: 0, end: shards });

export function includes(outer: Range, inner: Range): boolean {
  return outer.start <= inner.start && inner.end <= outer.end;
}

/**
 * How the values of nodes, which together are all shards of the node `root`, are added along the tree: a number puts the value
 * of the node that begins with that shard on a stack, ADD adds the two on top. `held`: keys of the nodes that are there; null
 * while one is missing. A shard named in `absent` counts as there and adds nothing.
 */
export function additionsOf(
  held: Pick<ReadonlySet<string>, "has">,
  root: Range,
  absent: readonly number[] = [],
): number[] | null {
  const isEmpty = ({ start, end }: Range) => {
    for (let shard = start; shard < end; shard++) if (!absent.includes(shard)) return false;
    return true;
  };
  const visit = (range: Range): number[] | null => {
    if (held.has(rangeKey(range))) return [range.start];
    const children = childrenOf(range);
    if (!children) return null;
    const [left, right] = children;
    if (isEmpty(left)) return visit(right);
    if (isEmpty(right)) return visit(left);
    const a = visit(left);
    const b = a && visit(right);
    return a && b && [...a, ...b, ADD];
  };
  return visit(root);
}
