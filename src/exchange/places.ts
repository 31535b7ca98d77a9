/** Where a run's vectors lie in its one file. Pure: coordinator and workers derive the same places. */
import type { Layout } from "../parameters/layout.js";

/** A vector's first byte lies on a page, so that a part of it can be laid over other memory. */
const PAGE_BYTES = 4096;
/** A kernel may write up to three elements beyond a vector's end. */
const SLACK_BYTES = 64;

/** Byte offsets in the file. Pairs are the two halves of the double buffer: version v lies in half v & 1. */
export interface Places {
  weights: readonly [number, number];
  state: readonly [number, number];
  /** The moving average of both; null without one. */
  ema: { weights: readonly [number, number]; state: readonly [number, number] } | null;
  slots: Readonly<Record<string, readonly [number, number]>>;
  /** Of each shard; those of a block have one place, for the whole gradient that their worker adds. */
  gradients: readonly number[];
  /** Shards a block (src/parameters/blocks.ts). */
  block: number;
  /** What each shard kept back when its gradient was compressed; none without compression. */
  residuals: readonly (readonly [number, number])[];
  bytes: number;
}

export interface Contents {
  /** Of a step. */
  shards: number;
  /** Shards a block. */
  block: number;
  ema: boolean;
  compressed: boolean;
  slotNames: readonly string[];
}

export function placesOf(layout: Layout, { shards, block, ema: averaged, compressed, slotNames }: Contents): Places {
  let bytes = 0;
  const place = (elements: number): number => {
    const at = bytes;
    bytes += Math.ceil((elements * 4 + SLACK_BYTES) / PAGE_BYTES) * PAGE_BYTES;
    return at;
  };
  const pair = (elements: number) => [place(elements), place(elements)] as const;
  const weights = pair(layout.size);
  const state = pair(layout.stateSize);
  const ema = averaged ? { weights: pair(layout.size), state: pair(layout.stateSize) } : null;
  const blocks = Array.from({ length: Math.ceil(shards / block) }, () => place(layout.size));
  const gradients = Array.from({ length: shards }, (_, shard) => blocks[Math.floor(shard / block)]!);
  const residuals = Array.from({ length: compressed ? shards : 0 }, () => pair(layout.size));
  const slots = Object.fromEntries(slotNames.map((name) => [name, pair(layout.size)])); // last: workers know none
  return { weights, state, ema, gradients, block, residuals, slots, bytes };
}
