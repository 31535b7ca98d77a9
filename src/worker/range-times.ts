/** When a worker did what of a range of shards. It is told with the range's end, and costs a few numbers a shard. */
import type { DeviceSpan } from "../engine/engine.js";
import { MAX_SPANS, type Timing } from "../protocol/messages.js";

type Span = Timing["spans"][number];

const NO_BUCKET = -1;

export class RangeTimes {
  readonly #assignedMs: number;
  readonly #traced: boolean;
  readonly #spans: Span[] = [];
  #beganMs: number | null = null;
  #computingMs: number | null = null;
  #inputMs = 0;
  #computeMs = 0;
  #writeMs = 0;

  /** Everything in milliseconds of one monotonic clock. `traced`: each part is told by itself, too. */
  constructor(assignedMs: number, traced: boolean) {
    this.#assignedMs = assignedMs;
    this.#traced = traced;
  }

  input(shard: number, startMs: number, endMs: number): void {
    this.#beganMs ??= startMs;
    this.#inputMs += endMs - startMs;
    this.#span("input", shard, NO_BUCKET, startMs, endMs);
  }

  /** `backwardMs`: when the loss or the first gradient came out, so that the backward pass had begun. */
  compute(shard: number, startMs: number, backwardMs: number, endMs: number): void {
    this.#computingMs ??= startMs;
    this.#computeMs += endMs - startMs;
    this.#span("forward", shard, NO_BUCKET, startMs, backwardMs);
    this.#span("backward", shard, NO_BUCKET, backwardMs, endMs);
  }

  write(shard: number, bucket: number, startMs: number, endMs: number): void {
    this.#writeMs += endMs - startMs;
    this.#span("write", shard, bucket, startMs, endMs);
  }

  /** When each device of the worker computed, from `startMs`. */
  devices(shard: number, startMs: number, spans: readonly DeviceSpan[]): void {
    for (const span of spans) this.#span("device", shard, span.device, startMs + span.startMs, startMs + span.endMs);
  }

  told(sentMs: number): Timing {
    return {
      assignedMs: this.#assignedMs,
      beganMs: this.#beganMs ?? sentMs,
      computingMs: this.#computingMs ?? sentMs,
      sentMs,
      inputMs: this.#inputMs,
      computeMs: this.#computeMs,
      writeMs: this.#writeMs,
      spans: this.#spans,
    };
  }

  #span(...span: Span): void {
    if (this.#traced && this.#spans.length < MAX_SPANS) this.#spans.push(span);
  }
}
