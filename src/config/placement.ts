import { z } from "zod";
import {
  checkTimeLimits,
  DEFAULT_HEARTBEAT_TIMEOUT,
  DEFAULT_STEP_TIMEOUT,
  LEAST_HEARTBEAT_TIMEOUT,
} from "./time-limits.js";
import { validate } from "./validate.js";

/** Devices of one worker: one a tower of the network. */
export const devicesPerWorker = z.number().int().min(1).max(64);

/** Where and how a run takes place: nothing here changes its result. */
export const placementSchema = z.strictObject({
  /** Worker processes to start; null: one a visible GPU, else 2. */
  workers: z.number().int().min(1).max(1024).nullable(),
  /** `gpu`: an error where there is none; `cpu`: GPUs are left alone; `auto`: GPUs if any, else CPU with a warning. */
  device: z.enum(["auto", "gpu", "cpu"]),
  devicesPerWorker,
  dataDir: z.string().min(1).nullable(),
  /** Null: runs/<model>-<dataset>-<time> in the current directory. */
  runDir: z.string().min(1).nullable(),
  /** 0: only at the end of an epoch and of the run. */
  checkpointEverySteps: z.number().int().min(0),
  keepCheckpoints: z.number().int().min(1),
  /** 0: never but at the end. */
  evaluateEveryEpochs: z.number().int().min(0),
  /** Seconds without a gradient, though the worker is alive, before it is ended. */
  stepTimeout: z
    .number()
    .min(LEAST_HEARTBEAT_TIMEOUT)
    .describe("It is never less than --heartbeat-timeout: a worker that is silent is not one that is slow."),
  /** Seconds of silence before a worker is ended. */
  heartbeatTimeout: z
    .number()
    .min(LEAST_HEARTBEAT_TIMEOUT)
    .describe("A worker gives a sign of life each second, and a busy one may miss two."),
  /** How weights and gradients travel; `auto`: shared memory with this run's own workers, frames with all others. */
  exchange: z.enum(["auto", "shared-memory", "frames"]),
  /** Restarts of one local worker. */
  maxRestarts: z.number().int().min(0),
  metricsHost: z.string().min(1),
  /** 0: any free port. */
  metricsPort: z.number().int().min(0).max(65535),
  metrics: z.boolean(),
});
export type Placement = z.infer<typeof placementSchema>;

export const PLACEMENT_DEFAULTS: Placement = {
  workers: null,
  device: "auto",
  devicesPerWorker: 1,
  dataDir: null,
  runDir: null,
  checkpointEverySteps: 0,
  keepCheckpoints: 3,
  evaluateEveryEpochs: 1,
  stepTimeout: DEFAULT_STEP_TIMEOUT,
  heartbeatTimeout: DEFAULT_HEARTBEAT_TIMEOUT,
  exchange: "auto",
  maxRestarts: 3,
  metricsHost: "127.0.0.1",
  metricsPort: 0,
  metrics: true,
};

/** What is left out, or undefined, has its default. UsageError names the flag, or the key of `where`. */
export function completePlacement(
  given: { readonly [K in keyof Placement]?: Placement[K] | undefined },
  where: string | null = null,
): Placement {
  const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const placement = validate(placementSchema, { ...PLACEMENT_DEFAULTS, ...known }, where);
  checkTimeLimits(placement);
  return placement;
}
