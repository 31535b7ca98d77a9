/** Where a step's time went: from when each rank and the coordinator did what, to seconds. Pure. */
import type { RankPhases, StepPhases } from "../../events.js";
import type { BucketSpan, Moments, RankTimes } from "../../membership/workers.js";

/** A step from its assignment to its commit, in milliseconds of the coordinator's clock. */
export interface StepTimes extends Moments {
  ranks: ReadonlyMap<number, RankTimes>;
  reduced: readonly BucketSpan[];
  updated: readonly BucketSpan[];
  /** Results are all there, and the step is committed from here to `endMs`. */
  collectedMs: number;
}

/**
 * The way that decided how long the step took: along the rank that ended last, and from there through the coordinator to the
 * commit. The phases add up to the step's time. What the coordinator does while that rank still computes costs nothing here.
 */
export function stepPhases(step: StepTimes): StepPhases {
  const { startMs, endMs, collectedMs, ranks } = step;
  const last = lastOf(ranks);
  const ended = last ? Math.min(last.endedMs, collectedMs) : collectedMs;
  const compute = Math.min(last?.computeMs ?? 0, ended - startMs);
  const input = Math.min(last?.inputMs ?? 0, ended - startMs - compute);
  const after = { startMs: ended, endMs: collectedMs };
  const reduce = overlapMs(step.reduced, after);
  const update = overlapMs(step.updated, after);
  return {
    wait_seconds: seconds(ended - startMs - compute - input),
    input_seconds: seconds(input),
    compute_seconds: seconds(compute),
    write_seconds: seconds(collectedMs - ended - reduce - update),
    reduce_seconds: seconds(reduce),
    update_seconds: seconds(update),
    commit_seconds: seconds(endMs - collectedMs),
  };
}

/** Each rank's own part of the step; `write` lies within `compute`, the others add up to the step's time. */
export function rankPhases({ startMs, endMs, ranks }: StepTimes): Record<string, RankPhases> {
  return Object.fromEntries(
    [...ranks].map(([rank, { shards, endedMs, inputMs, computeMs, writeMs }]) => [
      String(rank),
      {
        shards,
        wait_seconds: seconds(endedMs - startMs - inputMs - computeMs),
        input_seconds: seconds(inputMs),
        compute_seconds: seconds(computeMs),
        write_seconds: seconds(writeMs),
        idle_seconds: seconds(endMs - endedMs),
      },
    ]),
  );
}

/** From the last gradient of the step before to this one's first operation. */
export function tailSeconds(lastGradientMs: number, ranks: ReadonlyMap<number, RankTimes>): number {
  return seconds(Math.min(...[...ranks.values()].map(({ computingMs }) => computingMs)) - lastGradientMs);
}

export function sumSeconds(spans: readonly Moments[]): number {
  return seconds(spans.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0));
}

function lastOf(ranks: ReadonlyMap<number, RankTimes>): RankTimes | undefined {
  return [...ranks.values()].reduce<RankTimes | undefined>(
    (last, each) => (last && last.endedMs >= each.endedMs ? last : each),
    undefined,
  );
}

function overlapMs(spans: readonly Moments[], within: Moments): number {
  return spans.reduce(
    (sum, { startMs, endMs }) => sum + Math.max(0, Math.min(endMs, within.endMs) - Math.max(startMs, within.startMs)),
    0,
  );
}

const seconds = (ms: number) => Math.max(0, ms) / 1000;
