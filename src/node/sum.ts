/** Adds gradients that lie in a node's memory, as a program of the reduction tree says. */
import { ADD, addInPlace } from "../parameters/tree.js";

/**
 * The sum that the program makes of the parts: a part itself where it is the only one, else in memory that `take` gives for a
 * sum at that place of the stack, the same whenever it is asked for.
 */
export function sumOf(
  program: readonly number[],
  part: (shard: number) => Float32Array,
  take: (level: number, length: number) => Float32Array,
): Float32Array {
  const stack: Float32Array[] = [];
  for (const word of program) {
    if (word !== ADD) {
      stack.push(part(word));
      continue;
    }
    const right = stack.pop()!;
    const left = stack.pop()!;
    const sum = take(stack.length, left.length);
    if (sum !== left) sum.set(left);
    stack.push(addInPlace(sum, right));
  }
  return stack[0]!;
}
