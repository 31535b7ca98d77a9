/** What a training needs to know and of the world, and how it ends. */
import type { Snapshot } from "../../checkpoint/snapshot.js";
import type { RunEvent } from "../../events.js";
import type { RecordPorts } from "./records.js";
import type { SavePorts } from "./saves.js";

export interface TrainingOptions {
  /** Images in the training set and in the test set. */
  train: number;
  test: number;
  /** End as "stopped" after this step; null: only where the recipe ends. */
  stopAfterStep: number | null;
  /** Whether the timeline of a step is told; asked once a step, before it begins. */
  isTraced(step: number): boolean;
  placement: {
    /** 0: only at the end of an epoch and of the run. */
    checkpointEverySteps: number;
    /** 0: not by time. */
    checkpointEverySeconds: number;
    /** In a row, which end the run. */
    checkpointFailures: number;
    /** 0: never but at the end. */
    evaluateEveryEpochs: number;
  };
}

export interface TrainingPorts extends SavePorts, RecordPorts {
  emit(event: RunEvent): void;
  /** Throws once the run's folder is another run's: before a step is committed, and before an evaluation counts. */
  assertHeld(): void;
}

/** How a run ended when it did not fail; failures are thrown as CnnDistError. */
export interface Outcome {
  kind: "done" | "stopped";
  snapshot: Snapshot;
  /** Path of the last checkpoint written; null if this run wrote none. */
  checkpoint: string | null;
  samplesPerSecond: number;
}
