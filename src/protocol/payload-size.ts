/** Whether a network's parameters fit the frames in which they travel. A frame that is too large looks like a worker that dies. */
import { UsageError } from "../errors.js";
import { count } from "../format.js";
import { WIRE } from "../limits.js";
import type { Layout, Slot } from "../parameters/layout.js";

/**
 * UsageError when a bucket, which is never split, or the state is larger than a frame may be; it names the largest
 * parameter in it.
 */
export function assertBucketsFit(layout: Layout, maxBytes: number = WIRE.payloadBytes): void {
  const vectors = [...layout.buckets, { size: layout.stateSize, slots: layout.state }];
  for (const { size, slots } of vectors) {
    if (size * 4 <= maxBytes) continue;
    const [largest] = slots.toSorted((a, b) => b.size - a.size);
    throw new UsageError(
      "parameter-size",
      `${describe(largest!)} is too large: ${limit(size * 4, maxBytes)}. ${ADVICE}`,
    );
  }
}

/** UsageError when a user model's values, which come with its first worker in one frame, are larger than that may be. */
export function assertValuesFit(path: string, { size, stateSize }: Layout, maxBytes: number = WIRE.payloadBytes): void {
  const bytes = (size + stateSize) * 4;
  if (bytes <= maxBytes) return;
  throw new UsageError("parameter-size", `the model ${path} is too large: ${limit(bytes, maxBytes)}. ${ADVICE}`);
}

const ADVICE = "Use smaller images, or fewer units in its largest layer.";

function describe({ name, shape, size }: Slot): string {
  return `the parameter ${name} [${shape.join(", ")}] of ${count(size * 4)} bytes`;
}

function limit(bytes: number, maxBytes: number): string {
  return `${count(bytes)} bytes would travel between the processes at once, ${count(maxBytes)} can`;
}
