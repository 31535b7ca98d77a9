/** The training from start to end. Start reading here. */
import type { BestMetric, Snapshot } from "../checkpoint/snapshot.js";
import { batchOf, emptyShards, evaluationChunks, positionOf, stepsPerEpoch } from "../data/order.js";
import { createOptimizer } from "../optim/optimizers.js";
import { afterEvaluation, learningRate } from "../optim/schedule.js";
import { layoutOf } from "../parameters/layout.js";
import type { Hub } from "./coordinator.js";
import { EvaluationInFlight } from "./evaluation.js";
import type { InitialValues, Outcome, Start } from "./ports.js";
import { StepInFlight, type StepPlan, type StepResult } from "./step.js";
import { StepUpdate } from "./update.js";
import { DoubleBuffer } from "./weights.js";

/** Thrown through whatever is in flight when a stop was asked for; what was committed stands. */
export class StopRequested extends Error {}

/** Largest number of test images that a worker evaluates at once. */
const EVALUATION_CHUNK = 512;

/** Steps of the whole training. */
export function totalSteps(
  { steps, epochs }: { steps: number | null; epochs: number | null },
  perEpoch: number,
): number {
  return Math.min(steps ?? Number.POSITIVE_INFINITY, epochs === null ? Number.POSITIVE_INFINITY : epochs * perEpoch);
}

/** Trains to the end, or to the stop that was asked for. */
export async function train(hub: Hub): Promise<Outcome> {
  const training = await Training.begin(hub).catch((error: unknown) => {
    if (error instanceof StopRequested) return null;
    throw error;
  });
  if (!training) {
    const { start } = hub.options;
    return {
      kind: "stopped",
      snapshot: withValues(start, start.values === "from the first worker" ? NO_VALUES : start.values),
      checkpoint: null,
      samplesPerSecond: 0,
      fingerprint: hub.fingerprint,
    };
  }
  try {
    for (;;) {
      if (training.stopsHere()) return await training.end("stopped");
      if (training.evaluationIsDue()) await training.evaluate();
      await training.saveIfDue();
      if (training.finished()) return await training.end("done");
      await training.step();
    }
  } catch (error) {
    if (error instanceof StopRequested) return await training.end("stopped");
    await training.settleSaves().catch(() => {}); // the first failure is the one to tell
    throw error;
  }
}

/** Of a model whose first worker had not come when the run was stopped: there is nothing to save or to hash. */
const NO_VALUES: InitialValues = { layout: layoutOf([]), weights: new Float32Array(0), state: new Float32Array(0) };

function withValues(start: Start, initial: InitialValues): Snapshot {
  const { values: _, ...rest } = start;
  return { ...rest, ...initial };
}

class Training {
  readonly #hub: Hub;
  readonly #buffer: DoubleBuffer;
  readonly #optimizer;
  readonly #perEpoch: number;
  readonly #total: number;
  #snapshot: Snapshot;
  #samples = 0;
  #stepSeconds = 0;
  #evaluations = 0;
  #saved: { step: number; evaluated: boolean };
  #saving: { version: number; promise: Promise<void> } | null = null;
  #checkpoint: string | null = null;

  private constructor(hub: Hub, snapshot: Snapshot) {
    const { recipe } = snapshot;
    this.#hub = hub;
    const undecayed =
      recipe.weightDecayExclude === "none" ? [] : snapshot.layout.trainable.filter((slot) => !slot.decay);
    this.#optimizer = createOptimizer({ ...recipe, name: recipe.optimizer }, undecayed);
    this.#buffer = new DoubleBuffer(snapshot.layout, snapshot, this.#optimizer.slotNames);
    this.#perEpoch = stepsPerEpoch(hub.options.train, recipe.batchSize);
    this.#total = totalSteps(recipe, this.#perEpoch);
    this.#snapshot = snapshot;
    this.#saved = { step: snapshot.step, evaluated: snapshot.evaluated };
    this.#snapshot = this.#snapshotAt(snapshot);
  }

  static async begin(hub: Hub): Promise<Training> {
    const values = await hub.initialValues.promise;
    await hub.enoughWorkers(hub.options.minWorkers);
    return new Training(hub, withValues(hub.options.start, values));
  }

  finished(): boolean {
    return this.#snapshot.step >= this.#total;
  }

  stopsHere(): boolean {
    return this.#snapshot.step === this.#hub.options.stopAfterStep;
  }

  /** Assign, collect, update, commit. */
  async step(): Promise<void> {
    const hub = this.#hub;
    const { clock } = hub.ports;
    const { recipe, schedule, step: version } = this.#snapshot;
    const plan = this.#plan();
    await this.#freeHalf(plan.step);
    const before = { ms: clock.now(), ...hub.exchanged };
    const lr = learningRate(recipe, {
      step: version,
      stepsPerEpoch: this.#perEpoch,
      totalSteps: this.#total,
      schedule,
    });
    const update = new StepUpdate(this.#buffer, this.#optimizer, {
      step: plan.step,
      lr,
      clipGradNorm: recipe.clipGradNorm,
      now: () => clock.now(),
      updated: (bucket) => this.#sendAhead(plan.step, bucket),
    });
    const inFlight = new StepInFlight(plan, this.#buffer.layout, {
      now: () => clock.now(),
      send: (member, shards) => {
        hub.bringUpTo(member, this.#buffer, version);
        hub.send(member, {
          type: "assign",
          step: plan.step,
          version,
          epoch: plan.epoch,
          stepInEpoch: plan.stepInEpoch,
          batch: plan.batch,
          shards: [...shards],
        });
        hub.setState(member, "working");
      },
      reduced: (bucket, gradient, parts) => update.reduced(bucket, gradient, parts),
      reducedState: (state) => update.reducedState(state),
    });
    const result = await hub.carryOut(inFlight);
    this.#commit(plan, result);
    this.#report(plan, result, update, lr, before);
  }

  #plan(): StepPlan {
    const { recipe, step } = this.#snapshot;
    const { epoch, stepInEpoch } = positionOf(step, this.#perEpoch);
    const batch = batchOf(this.#hub.options.train, recipe.batchSize, stepInEpoch);
    return {
      step: step + 1,
      version: step,
      epoch,
      stepInEpoch,
      batch,
      shards: recipe.shards,
      empty: emptyShards(batch, recipe.shards),
    };
  }

  /** Workers that hold the version in force get the next one piece by piece, while the step still runs. */
  #sendAhead(version: number, bucket: number): void {
    for (const member of this.#hub.roster.ready()) {
      if (member.state === "working" && member.holds === version - 1) {
        this.#hub.send(member, { type: "weights", version, bucket }, this.#buffer.bucket(version, bucket));
        member.ahead++;
      }
    }
  }

  /** The only point at which a checkpoint, a metric or an epoch can see the step. */
  #commit(plan: StepPlan, result: StepResult): void {
    for (const member of this.#hub.roster.ready()) {
      // A spare got nothing ahead, and one that came in mid-step only the last buckets: they will get all of them.
      if (member.holds === plan.version) member.holds = member.ahead === this.#buffer.parts().length ? plan.step : -1;
      member.ahead = 0;
    }
    const next = positionOf(plan.step, this.#perEpoch);
    this.#snapshot = this.#snapshotAt({
      ...this.#snapshot,
      step: plan.step,
      ...next,
      loss: result.loss,
      evaluated: false,
    });
    this.#hub.ports.committed?.(this.#snapshot);
  }

  #snapshotAt(snapshot: Snapshot): Snapshot {
    const { weights, state, slots } = this.#buffer.half(snapshot.step);
    return { ...snapshot, weights, state, slots };
  }

  #report(
    plan: StepPlan,
    result: StepResult,
    update: StepUpdate,
    lr: number,
    before: { ms: number; in: number; out: number },
  ): void {
    const { ports, roster, exchanged } = this.#hub;
    const seconds = (ports.clock.now() - before.ms) / 1000;
    this.#samples += plan.batch;
    this.#stepSeconds += seconds;
    const compute = Math.max(0, ...result.computeSeconds.values());
    const members = roster.all();
    ports.emit({
      event: "step",
      step: plan.step,
      epoch: plan.epoch,
      loss: result.loss,
      accuracy: result.hits / plan.batch,
      lr,
      gradient_norm: update.gradientNorm,
      samples: plan.batch,
      duration_seconds: seconds,
      samples_per_second: plan.batch / Math.max(seconds, 1e-9),
      phases: {
        compute_seconds: compute,
        reduce_seconds: result.reduceSeconds,
        update_seconds: update.seconds,
        wait_seconds: Math.max(0, seconds - compute),
      },
      exchange_bytes: { in: exchanged.in - before.in, out: exchanged.out - before.out },
      worker_seconds: Object.fromEntries([...result.computeSeconds].map(([rank, value]) => [String(rank), value])),
      tensors: members.reduce((sum, { tensors }) => sum + tensors, 0),
      tensor_bytes: members.reduce((sum, { tensorBytes }) => sum + tensorBytes, 0),
    });
  }

  /** `plateau` decides by evaluations, so for it their rhythm is the recipe's, not the placement's. */
  evaluationIsDue(): boolean {
    const { step, stepInEpoch, epoch, evaluated, recipe } = this.#snapshot;
    if (evaluated || step === 0) return false;
    if (this.finished()) return true;
    const every = recipe.lrScheduler === "plateau" ? 1 : this.#hub.options.placement.evaluateEveryEpochs;
    return stepInEpoch === 0 && every > 0 && epoch % every === 0;
  }

  async evaluate(): Promise<void> {
    const hub = this.#hub;
    const { test } = hub.options;
    const { step, recipe } = this.#snapshot;
    const startMs = hub.ports.clock.now();
    const evaluation = this.#evaluations++;
    const chunks = evaluationChunks(test, Math.min(recipe.batchSize, EVALUATION_CHUNK));
    const inFlight = new EvaluationInFlight(evaluation, chunks, {
      now: () => hub.ports.clock.now(),
      send: (member, chunk) => {
        hub.bringUpTo(member, this.#buffer, step);
        hub.send(member, { type: "evaluate", evaluation, version: step, ...chunk });
        hub.setState(member, "working");
      },
    });
    const sums = await hub.carryOut(inFlight);
    const loss = sums.loss / test;
    const accuracy = sums.hits / test;
    // At the end of an epoch the place is already the next epoch's first step.
    const epoch = positionOf(step - 1, this.#perEpoch).epoch;
    const metric: BestMetric = { accuracy, loss, epoch, step };
    const best = this.#snapshot.best === null || accuracy > this.#snapshot.best.accuracy;
    this.#snapshot = {
      ...this.#snapshot,
      evaluated: true,
      best: best ? metric : this.#snapshot.best,
      schedule: afterEvaluation(recipe, this.#snapshot.schedule, loss),
    };
    hub.emit({
      event: "eval",
      epoch,
      step,
      loss,
      accuracy,
      samples: test,
      duration_seconds: (hub.ports.clock.now() - startMs) / 1000,
      best,
    });
  }

  /** At the end of each epoch, every so many steps, and at the end. */
  async saveIfDue(): Promise<void> {
    const { step, stepInEpoch } = this.#snapshot;
    const every = this.#hub.options.placement.checkpointEverySteps;
    if (
      step === this.#hub.options.start.step &&
      this.#saved.step === step &&
      this.#saved.evaluated === this.#snapshot.evaluated
    )
      return;
    if (stepInEpoch === 0 || (every > 0 && step % every === 0) || this.finished()) await this.#save();
  }

  /** Starts a save unless this very state is saved; training goes on meanwhile, in the other half. */
  async #save(): Promise<void> {
    const { step, evaluated } = this.#snapshot;
    if (this.#saved.step === step && this.#saved.evaluated === evaluated) return;
    await this.settleSaves();
    this.#saved = { step, evaluated };
    const { ports } = this.#hub;
    const startMs = ports.clock.now();
    const promise = ports.save(this.#snapshot).then(({ path, sizeBytes }) => {
      this.#checkpoint = path;
      ports.emit({
        event: "checkpoint",
        step,
        path,
        size_bytes: sizeBytes,
        duration_seconds: (ports.clock.now() - startMs) / 1000,
      });
    });
    promise.catch(() => {}); // seen when it is awaited
    this.#saving = { version: step, promise };
  }

  async settleSaves(): Promise<void> {
    const saving = this.#saving;
    this.#saving = null;
    await saving?.promise;
  }

  /** A save that still reads the half that this version will be written to must end first. */
  async #freeHalf(version: number): Promise<void> {
    if (this.#saving && (this.#saving.version & 1) === (version & 1)) await this.settleSaves();
  }

  async end(kind: "done" | "stopped"): Promise<Outcome> {
    await this.#save();
    await this.settleSaves();
    return {
      kind,
      snapshot: this.#snapshot,
      checkpoint: this.#checkpoint,
      samplesPerSecond: this.#stepSeconds > 0 ? this.#samples / this.#stepSeconds : 0,
      fingerprint: this.#hub.fingerprint,
    };
  }
}
