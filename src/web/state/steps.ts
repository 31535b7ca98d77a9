/** A run's steps as a page is told of them, and what it keeps. Pure. */
import type { RankPhases, StepEvent } from "../../events.js";
import type { Curves, Point } from "./curves.js";

export type PageStep = Pick<
  StepEvent,
  | "event"
  | "step"
  | "epoch"
  | "loss"
  | "accuracy"
  | "lr"
  | "gradient_norm"
  | "samples_per_second"
  | "duration_seconds"
  | "checkpoint_wait_seconds"
  | "phases"
  | "ranks"
  | "node_bytes"
>;

/** A step of the last ones, with what each rank did. */
export interface RecentStep {
  step: number;
  seconds: number;
  ranks: Readonly<Record<string, RankPhases>>;
}

/** Steps in a row. */
export interface StepsEvent {
  event: "steps";
  /** Their seconds begin at 0. */
  curves: Curves;
  /** As many of the last as a page shows each of. */
  recent: RecentStep[];
  last: PageStep;
}

/** Of ranks and steps: a run of many workers shows fewer steps. */
const MAX_RECENT = 4800;
const MOST_RECENT_STEPS = 120;
const LEAST_RECENT_STEPS = 8;

export function pageStep(event: StepEvent): PageStep {
  const { step, epoch, loss, accuracy, lr, phases, ranks } = event;
  const { gradient_norm, samples_per_second, duration_seconds, checkpoint_wait_seconds } = event;
  return {
    event: "step",
    step,
    epoch,
    loss,
    accuracy,
    lr,
    gradient_norm,
    samples_per_second,
    duration_seconds,
    checkpoint_wait_seconds,
    phases,
    ranks,
    ...(event.node_bytes && { node_bytes: event.node_bytes }),
  };
}

/** What it adds to the time of training. */
export const secondsOf = (step: PageStep): number => step.duration_seconds + step.checkpoint_wait_seconds;

/** `seconds`: of training, to its end. */
export function pointOf({ step, loss, accuracy, lr, phases, ...rest }: PageStep, seconds: number): Point {
  return {
    step,
    seconds,
    metrics: { loss, accuracy, lr, gradientNorm: rest.gradient_norm, speed: rest.samples_per_second },
    phases: {
      wait: phases.wait_seconds,
      input: phases.input_seconds,
      compute: phases.compute_seconds,
      write: phases.write_seconds,
      reduce: phases.reduce_seconds,
      update: phases.update_seconds,
      commit: phases.commit_seconds,
    },
  };
}

export const recentOf = ({ step, duration_seconds: seconds, ranks }: PageStep): RecentStep => ({
  step,
  seconds,
  ranks,
});

export function keepRecent(list: RecentStep[], step: RecentStep): void {
  const most = Math.round(MAX_RECENT / Math.max(1, Object.keys(step.ranks).length));
  list.push(step);
  const over = list.length - Math.min(MOST_RECENT_STEPS, Math.max(LEAST_RECENT_STEPS, most));
  if (over > 0) list.splice(0, over);
}
