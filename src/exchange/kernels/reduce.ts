// A block's sum over the parts, along the reduction tree, in float32: rounded after every addition.

/** Bytes of a block: small enough that a tree of blocks stays in the first-level cache. */
export const BLOCK: usize = 4096;
/** Bytes between two blocks of scratch memory; a rule may read up to 12 bytes beyond a block. */
export const SCRATCH: usize = BLOCK + 64;

/** In a program: add the two values on top of the stack. Every other number is that part, put on top. */
const ADD: i32 = -1;

/**
 * Runs the tree's program over the bytes `from` to `from + bytes` of each part. `parts`: addresses, 4 bytes each.
 * Returns where the sum lies: in scratch memory, or in the part itself when there is only one.
 */
export function reduced(program: usize, length: i32, parts: usize, scratch: usize, from: usize, bytes: usize): usize {
  if (length === 1) return part(parts, load<i32>(program)) + from;
  // A value on the stack is an address; sums are written to the scratch block of their place on it.
  let depth: i32 = 0;
  for (let at: i32 = 0; at < length; at++) {
    const word = load<i32>(program + ((<usize>at) << 2));
    if (word !== ADD) {
      stack(depth++, part(parts, word) + from);
      continue;
    }
    const left = stacked(depth - 2);
    const right = stacked(depth - 1);
    const to = scratch + <usize>(depth - 2) * SCRATCH;
    sum(left, right, to, bytes);
    stack(depth-- - 2, to);
  }
  return stacked(0);
}

function part(parts: usize, index: i32): usize {
  return <usize>load<u32>(parts + ((<usize>index) << 2));
}

/** A tree over 1024 shards, the most that a recipe may have, is ten deep. */
const STACK = memory.data(16 * 4);

function stack(place: i32, address: usize): void {
  store<u32>(STACK + ((<usize>place) << 2), <u32>address);
}

function stacked(place: i32): usize {
  return <usize>load<u32>(STACK + ((<usize>place) << 2));
}

function sum(left: usize, right: usize, to: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16) {
    v128.store(to + at, f32x4.add(v128.load(left + at), v128.load(right + at)));
  }
}
