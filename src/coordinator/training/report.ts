/** What is told of a step once it is committed. Pure. */
import type { StepEvent, TimelineEvent, TimelineSpan } from "../../events.js";
import type { StepPlan } from "../../membership/workers.js";
import { rankPhases, type StepTimes, stepPhases, sumSeconds, tailSeconds } from "./phases.js";
import type { StepResult } from "./step.js";

export interface StepFacts {
  plan: StepPlan;
  result: StepResult;
  times: StepTimes;
  lr: number;
  gradientNorm: number;
  /** When the last gradient of the step before was there; null: no step came right before this one. */
  lastGradientMs: number | null;
  /** For which this step had to wait before it began. */
  checkpointWaitMs: number;
}

export function stepEvent(facts: StepFacts): StepEvent {
  const { plan, result, times, lr, gradientNorm, lastGradientMs, checkpointWaitMs } = facts;
  const { ranks, exchangedBytes, tensors, tensorBytes } = result.costs;
  const seconds = (times.endMs - times.startMs) / 1000;
  return {
    event: "step",
    step: plan.step,
    epoch: plan.epoch,
    loss: result.loss,
    accuracy: result.hits / plan.batch,
    lr,
    gradient_norm: gradientNorm,
    samples: plan.batch,
    duration_seconds: seconds,
    samples_per_second: plan.batch / Math.max(seconds, 1e-9),
    phases: stepPhases(times),
    ranks: rankPhases(times),
    coordinator: { reduce_seconds: sumSeconds(times.reduced), update_seconds: sumSeconds(times.updated) },
    tail_seconds: lastGradientMs === null ? null : tailSeconds(lastGradientMs, ranks),
    checkpoint_wait_seconds: checkpointWaitMs / 1000,
    exchange_bytes: { in: exchangedBytes.in, out: exchangedBytes.out, shared: exchangedBytes.shared },
    ...(exchangedBytes.nodes.size === 0 ? {} : { node_bytes: Object.fromEntries(exchangedBytes.nodes) }),
    worker_seconds: Object.fromEntries([...ranks].map(([rank, { computeMs }]) => [String(rank), computeMs / 1000])),
    tensors,
    tensor_bytes: tensorBytes,
  };
}

/** The same step as spans on one clock. */
export function timelineEvent({ plan, times, lastGradientMs }: StepFacts): TimelineEvent {
  const { startMs, endMs, collectedMs, ranks, reduced, updated } = times;
  const begun = Math.min(...[...ranks.values()].map(({ computingMs }) => computingMs));
  const coordinator: TimelineSpan[] = [
    { rank: null, what: "step", startMs, endMs },
    ...reduced.map((span) => ({ rank: null, what: "reduce", ...span }) as const),
    ...updated.map((span) => ({ rank: null, what: "update", ...span }) as const),
    { rank: null, what: "commit", startMs: collectedMs, endMs },
  ];
  if (lastGradientMs !== null) coordinator.push({ rank: null, what: "tail", startMs: lastGradientMs, endMs: begun });
  const workers = [...ranks].flatMap(([rank, { beganMs, endedMs, spans }]): TimelineSpan[] => [
    { rank, what: "wait", startMs, endMs: beganMs },
    ...spans.map((span) => ({ rank, ...span })),
    { rank, what: "idle", startMs: endedMs, endMs },
  ]);
  return { event: "timeline", step: plan.step, spans: [...coordinator, ...workers] };
}
