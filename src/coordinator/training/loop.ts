/** The training from start to end. Start reading here. */
import type { BestMetric, Snapshot } from "../../checkpoint/snapshot.js";
import {
  batchOf,
  emptyShards,
  evaluationChunks,
  globalBatch,
  positionOf,
  stepsPerEpoch,
  totalSteps,
} from "../../data/order.js";
import { CnnDistError } from "../../errors.js";
import type { TrainingMemory } from "../../exchange/training-memory.js";
import { ResidualsLost, type StepPlan, StopRequested, type Workers } from "../../membership/workers.js";
import { afterEvaluation, learningRate } from "../../optim/schedule.js";
import { EvaluationSum } from "./evaluation.js";
import type { Outcome, TrainingOptions, TrainingPorts } from "./ports.js";
import { Records } from "./records.js";
import { type StepFacts, stepEvent, timelineEvent } from "./report.js";
import { Saves } from "./saves.js";
import { type StepResult, StepSum } from "./step.js";
import { StepUpdate } from "./update.js";
import { DoubleBuffer } from "./weights.js";

const WITHOUT_WORKERS: ReadonlySet<string> = new Set(["no-workers", "too-few-workers"]);
/** Largest number of test images that a worker evaluates at once. */
const EVALUATION_CHUNK = 512;

/** Trains from `start` to the recipe's end, or to the stop that was asked for. */
export async function train(
  start: Snapshot,
  options: TrainingOptions,
  workers: Workers,
  ports: TrainingPorts,
  memory: TrainingMemory,
): Promise<Outcome> {
  const training = new Training(start, options, workers, ports, memory);
  try {
    for (;;) {
      try {
        return await untilEnd(training);
      } catch (error) {
        if (!(error instanceof ResidualsLost)) throw error;
        await training.goBack(error.message);
      }
    }
  } catch (error) {
    if (error instanceof StopRequested) return await training.stop();
    // What was committed is not lost with the workers.
    if (error instanceof CnnDistError && WITHOUT_WORKERS.has(error.code)) await training.end("stopped").catch(() => {});
    await training.settle().catch(() => {}); // the first failure is the one to tell
    throw error;
  }
}

async function untilEnd(training: Training): Promise<Outcome> {
  for (;;) {
    if (training.stopsHere()) return await training.end("stopped");
    if (training.evaluationIsDue()) await training.evaluate();
    if (training.finished()) return await training.end("done");
    await training.saveIfDue();
    await training.step();
  }
}

class Training {
  /** What to go back to while there is no checkpoint. */
  readonly #start: Snapshot;
  readonly #options: TrainingOptions;
  readonly #workers: Workers;
  readonly #ports: TrainingPorts;
  readonly #buffer: DoubleBuffer;
  readonly #saves: Saves;
  readonly #records: Records;
  readonly #perEpoch: number;
  readonly #total: number;
  #snapshot: Snapshot;
  /** A checkpoint is due, and the one before is still being written. */
  #saveIsDue = false;
  #samples = 0;
  #stepSeconds = 0;
  /** When the last gradient of the step right before was there. */
  #lastGradientMs: number | null = null;

  constructor(
    start: Snapshot,
    options: TrainingOptions,
    workers: Workers,
    ports: TrainingPorts,
    memory: TrainingMemory,
  ) {
    const { recipe } = start;
    this.#start = start;
    this.#options = options;
    this.#workers = workers;
    this.#ports = ports;
    this.#buffer = new DoubleBuffer(memory, start);
    this.#saves = new Saves(start, options.placement.checkpointFailures, ports);
    this.#records = new Records(ports);
    this.#perEpoch = stepsPerEpoch(options.train, globalBatch(recipe).batchSize);
    this.#total = totalSteps(recipe, this.#perEpoch);
    this.#snapshot = this.#snapshotAt(start);
  }

  finished(): boolean {
    return this.#snapshot.step >= this.#total;
  }

  stopsHere(): boolean {
    return this.#snapshot.step === this.#options.stopAfterStep;
  }

  /** Assign, collect, update, commit. */
  async step(): Promise<void> {
    const { clock } = this.#ports;
    const { recipe, schedule, step: version } = this.#snapshot;
    const plan = this.#plan();
    await this.#saves.freeHalf(plan.step);
    await this.#records.freeHalf(plan.step);
    const startMs = clock.now();
    const at = { step: version, stepsPerEpoch: this.#perEpoch, totalSteps: this.#total, schedule };
    const lr = learningRate(recipe, at);
    const next = this.#buffer.view(plan.step);
    const update = new StepUpdate(this.#buffer, {
      step: plan.step,
      lr,
      clipGradNorm: recipe.clipGradNorm,
      now: () => clock.now(),
      updated: (bucket) => this.#workers.publish(next, bucket),
    });
    const { memory } = this.#buffer;
    const sum = new StepSum(plan, this.#buffer.view(version), {
      now: () => clock.now(),
      place: (shard, bucket) => memory.gradient(shard, memory.layout.buckets[bucket]!),
      residual: (shard, version) => memory.residual(shard, version),
      complete: (bucket, additions, parts) => update.complete(bucket, additions, parts),
      reducedState: (state) => update.reducedState(state),
    });
    const result = await this.#workers.collect(sum);
    memory.carryResiduals(plan.step, plan.empty);
    const collectedMs = clock.now();
    this.#commit(plan, result);
    const { ranks } = result.costs;
    const times = { startMs, collectedMs, endMs: clock.now(), ranks, reduced: result.reduced, updated: update.spans };
    this.#report({ plan, result, times, lr, gradientNorm: update.gradientNorm });
  }

  #plan(): StepPlan {
    const { recipe, step } = this.#snapshot;
    const { epoch, stepInEpoch } = positionOf(step, this.#perEpoch);
    const { batchSize, shards } = globalBatch(recipe);
    const batch = batchOf(this.#options.train, batchSize, stepInEpoch);
    return {
      step: step + 1,
      version: step,
      epoch,
      stepInEpoch,
      batch,
      shards,
      block: this.#buffer.memory.places.block,
      empty: emptyShards(batch, shards),
      traced: this.#options.isTraced(step + 1),
    };
  }

  /** The only point at which a checkpoint, a metric or an epoch can see the step. */
  #commit(plan: StepPlan, result: StepResult): void {
    this.#ports.assertHeld();
    this.#snapshot = this.#snapshotAt({
      ...this.#snapshot,
      step: plan.step,
      ...positionOf(plan.step, this.#perEpoch),
      loss: result.loss,
      evaluated: false,
    });
    this.#records.begin(this.#snapshot);
  }

  #snapshotAt(snapshot: Snapshot): Snapshot {
    return { ...snapshot, ...this.#buffer.half(snapshot.step) };
  }

  #report(facts: Omit<StepFacts, "lastGradientMs" | "checkpointWaitMs">): void {
    const { plan, result, times } = facts;
    const whole = { ...facts, lastGradientMs: this.#lastGradientMs, checkpointWaitMs: this.#saves.waitedMs() };
    this.#samples += plan.batch;
    this.#stepSeconds += (times.endMs - times.startMs) / 1000;
    this.#lastGradientMs = result.lastGradientMs;
    this.#ports.emit(stepEvent(whole));
    if (plan.traced) this.#ports.emit(timelineEvent(whole));
  }

  /** `plateau` decides by evaluations, so for it their rhythm is the recipe's, not the placement's. */
  evaluationIsDue(): boolean {
    const { step, stepInEpoch, epoch, evaluated, recipe } = this.#snapshot;
    if (evaluated || step === 0 || this.#options.test === 0) return false;
    if (this.finished()) return true;
    const every = recipe.lrScheduler === "plateau" ? 1 : this.#options.placement.evaluateEveryEpochs;
    return stepInEpoch === 0 && every > 0 && epoch % every === 0;
  }

  async evaluate(): Promise<void> {
    const { clock } = this.#ports;
    const { test } = this.#options;
    const { step, recipe } = this.#snapshot;
    const weights = recipe.ema === null ? "raw" : "ema";
    const startMs = clock.now();
    this.#ports.emit({ event: "waiting", for: "evaluation" });
    const chunks = evaluationChunks(test, Math.min(recipe.batchSize, EVALUATION_CHUNK));
    const sums = await this.#workers.collect(new EvaluationSum(chunks, this.#buffer.view(step, weights)));
    const loss = sums.loss / test;
    const accuracy = sums.hits / test;
    if (!Number.isFinite(loss))
      throw new CnnDistError(
        "not-finite",
        `after step ${step} the loss on the test set is ${loss}: the weights have grown too large. They were not saved. Lower --lr, or add --lr-warmup-epochs or --clip-grad-norm.`,
      );
    this.#ports.assertHeld();
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
    const duration_seconds = (clock.now() - startMs) / 1000;
    this.#lastGradientMs = null;
    this.#ports.emit({ event: "eval", epoch, step, loss, accuracy, samples: test, duration_seconds, weights, best });
  }

  /** At the end of each epoch, and every so many steps and seconds: then never before the save before it has ended. */
  async saveIfDue(): Promise<void> {
    const { step, stepInEpoch } = this.#snapshot;
    const { checkpointEverySteps: steps, checkpointEverySeconds: seconds } = this.#options.placement;
    this.#saveIsDue ||= steps > 0 && step % steps === 0;
    this.#saveIsDue ||= seconds > 0 && this.#saves.secondsSince() >= seconds;
    if (stepInEpoch === 0 || (this.#saveIsDue && !this.#saves.busy)) await this.#save({ last: false });
  }

  /** A step is recorded before there is a checkpoint of it: whoever goes on from that does not make the record again. */
  async #save({ last }: { last: boolean }): Promise<void> {
    this.#saveIsDue = false;
    await this.#records.settle();
    const { layout, recipe, step } = this.#snapshot;
    await this.#saves.freeHalf(step + 2); // where an earlier save may still read residuals
    const { shards } = globalBatch(recipe);
    const { memory } = this.#buffer;
    const residual = (shard: number, version: number) => memory.residual(shard, version);
    await this.#workers.keepResiduals({ version: step, shards, layout, residual });
    await this.#saves.begin(this.#snapshot, { last });
  }

  /** Residuals are gone with a worker: the steps since the newest checkpoint are done again. */
  async goBack(why: string): Promise<void> {
    await this.settle();
    const newest = (await this.#ports.newest()) ?? this.#start;
    const { recipe, recipeSha256, fingerprint } = this.#snapshot;
    const from = this.#snapshot.step;
    this.#buffer.load(newest);
    this.#snapshot = this.#snapshotAt({ ...newest, recipe, recipeSha256, fingerprint });
    this.#saves.rolledBack(newest);
    this.#lastGradientMs = null;
    this.#workers.rolledBack(newest.step);
    this.#ports.emit({ event: "rollback", from_step: from, step: newest.step, reason: why });
  }

  /** On request: what can be saved is saved. Without a worker's residuals that is what was saved before. */
  async stop(): Promise<Outcome> {
    try {
      return await this.end("stopped");
    } catch (error) {
      if (!(error instanceof ResidualsLost || error instanceof StopRequested)) throw error;
      await this.goBack(error instanceof ResidualsLost ? error.message : "workers left before their residuals came");
      return await this.#outcome("stopped");
    }
  }

  async settle(): Promise<void> {
    await this.#records.settle().finally(() => this.#saves.settle());
  }

  async end(kind: "done" | "stopped"): Promise<Outcome> {
    await this.#save({ last: true });
    return await this.#outcome(kind);
  }

  async #outcome(kind: "done" | "stopped"): Promise<Outcome> {
    await this.settle();
    return {
      kind,
      snapshot: this.#snapshot,
      checkpoint: this.#saves.path,
      samplesPerSecond: this.#stepSeconds > 0 ? this.#samples / this.#stepSeconds : 0,
    };
  }
}
