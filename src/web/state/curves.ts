/**
 * A run's curves in bounded memory. A point stands for `stride` steps in a row: their mean, and their least and greatest value, so
 * that no spike is lost. When there are too many points, neighbours become one. Pure; changed in place, since a copy for every
 * step would cost more than the step.
 */

/** Of each of these, a point has mean, least and greatest value. */
export const METRICS = ["loss", "accuracy", "lr", "gradientNorm", "speed"] as const;
export type Metric = (typeof METRICS)[number];
/** Of a step: they add up to its time. A point has their means, in seconds. */
export const PHASES = ["wait", "input", "compute", "write", "reduce", "update", "commit"] as const;
export type Phase = (typeof PHASES)[number];

export interface Column {
  mean: number[];
  min: number[];
  max: number[];
}

export interface Curves {
  /** Steps that a point stands for; the last may have fewer. */
  stride: number;
  /** Of each point: its last step, how many steps it has, and the seconds of training until then. */
  step: number[];
  count: number[];
  seconds: number[];
  metrics: Record<Metric, Column>;
  phases: Record<Phase, number[]>;
}

export interface Point {
  step: number;
  seconds: number;
  metrics: Readonly<Record<Metric, number>>;
  phases: Readonly<Record<Phase, number>>;
}

/** More points than a screen has pixels show nothing more. */
export const MAX_POINTS = 1024;

export function emptyCurves(): Curves {
  return {
    stride: 1,
    step: [],
    count: [],
    seconds: [],
    metrics: {
      loss: { mean: [], min: [], max: [] },
      accuracy: { mean: [], min: [], max: [] },
      lr: { mean: [], min: [], max: [] },
      gradientNorm: { mean: [], min: [], max: [] },
      speed: { mean: [], min: [], max: [] },
    },
    phases: { wait: [], input: [], compute: [], write: [], reduce: [], update: [], commit: [] },
  };
}

/** Steps come in order; of one that is there already, or lies before the last, `cutBack` comes first. */
export function addPoint(curves: Curves, point: Point): void {
  addPiece(curves, asColumns(point));
  if (curves.step.length > MAX_POINTS) halve(curves);
}

/** Points of the steps that come next, whose seconds begin at `seconds`. */
export function addCurves(curves: Curves, more: Curves, seconds: number): void {
  for (let index = 0; index < more.step.length; index++) {
    const piece = pieceOf(more, index);
    addPiece(curves, { ...piece, seconds: seconds + piece.seconds });
    if (curves.step.length > MAX_POINTS) halve(curves);
  }
}

/** Forgets what came after a step: the run went back to it. Of a point that spans the step, mean and extremes stay. */
export function cutBack(curves: Curves, step: number): void {
  const { stride } = curves;
  let length = curves.step.length;
  while (length > 0 && placeOf(curves.step[length - 1]!, stride) * stride >= step) length--;
  for (const column of columnsOf(curves)) column.length = length;
  const last = length - 1;
  if (last < 0 || curves.step[last]! <= step) return;
  curves.count[last] = Math.max(1, curves.count[last]! - (curves.step[last]! - step));
  curves.step[last] = step;
}

function halve(curves: Curves): void {
  const before = { ...emptyCurves() };
  const old: Curves = { ...curves, metrics: { ...curves.metrics }, phases: { ...curves.phases } };
  Object.assign(curves, before, { stride: old.stride * 2 });
  for (let index = 0; index < old.step.length; index++) addPiece(curves, pieceOf(old, index));
}

function addPiece(curves: Curves, piece: Piece): void {
  const last = curves.step.length - 1;
  const beside = last >= 0 && placeOf(curves.step[last]!, curves.stride) === placeOf(piece.step, curves.stride);
  if (beside) mergeInto(curves, last, piece);
  else pushOnto(curves, piece);
}

/** A point, or the steps of one that is added to another. */
interface Piece {
  step: number;
  count: number;
  seconds: number;
  metrics: Record<Metric, { mean: number; min: number; max: number }>;
  phases: Readonly<Record<Phase, number>>;
}

function asColumns({ step, seconds, metrics, phases }: Point): Piece {
  const of = (metric: Metric) => ({ mean: metrics[metric], min: metrics[metric], max: metrics[metric] });
  return {
    step,
    count: 1,
    seconds,
    metrics: {
      loss: of("loss"),
      accuracy: of("accuracy"),
      lr: of("lr"),
      gradientNorm: of("gradientNorm"),
      speed: of("speed"),
    },
    phases,
  };
}

function pieceOf(curves: Curves, index: number): Piece {
  const of = (metric: Metric) => {
    const { mean, min, max } = curves.metrics[metric];
    return { mean: mean[index]!, min: min[index]!, max: max[index]! };
  };
  const phases = Object.fromEntries(PHASES.map((phase) => [phase, curves.phases[phase][index]!]));
  return {
    step: curves.step[index]!,
    count: curves.count[index]!,
    seconds: curves.seconds[index]!,
    metrics: {
      loss: of("loss"),
      accuracy: of("accuracy"),
      lr: of("lr"),
      gradientNorm: of("gradientNorm"),
      speed: of("speed"),
    },
    phases: phases as Record<Phase, number>,
  };
}

function pushOnto(curves: Curves, piece: Piece): void {
  curves.step.push(piece.step);
  curves.count.push(piece.count);
  curves.seconds.push(piece.seconds);
  for (const metric of METRICS) {
    const { mean, min, max } = curves.metrics[metric];
    mean.push(piece.metrics[metric].mean);
    min.push(piece.metrics[metric].min);
    max.push(piece.metrics[metric].max);
  }
  for (const phase of PHASES) curves.phases[phase].push(piece.phases[phase]);
}

function mergeInto(curves: Curves, index: number, piece: Piece): void {
  const weight = piece.count / (curves.count[index]! + piece.count);
  const towards = (column: number[], value: number) => {
    column[index]! += weight * (value - column[index]!);
  };
  curves.step[index] = piece.step;
  curves.count[index]! += piece.count;
  curves.seconds[index] = piece.seconds;
  for (const metric of METRICS) {
    const { mean, min, max } = curves.metrics[metric];
    towards(mean, piece.metrics[metric].mean);
    min[index] = Math.min(min[index]!, piece.metrics[metric].min);
    max[index] = Math.max(max[index]!, piece.metrics[metric].max);
  }
  for (const phase of PHASES) towards(curves.phases[phase], piece.phases[phase]);
}

/** Steps count from 1. */
const placeOf = (step: number, stride: number) => Math.floor((step - 1) / stride);

function columnsOf({ step, count, seconds, metrics, phases }: Curves): number[][] {
  const extremes = METRICS.flatMap((metric) => [metrics[metric].mean, metrics[metric].min, metrics[metric].max]);
  return [step, count, seconds, ...extremes, ...PHASES.map((phase) => phases[phase])];
}
