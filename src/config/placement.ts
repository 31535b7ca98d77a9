import { z } from "zod";
import { UsageError } from "../errors.js";
import {
  checkTimeLimits,
  DEFAULT_HEARTBEAT_TIMEOUT,
  DEFAULT_WAIT_WORKERS,
  LEAST_HEARTBEAT_TIMEOUT,
} from "./time-limits.js";
import { validate } from "./validate.js";

/** Devices of one worker: one a tower of the network. */
export const devicesPerWorker = z.number().int().min(1).max(64);
/** What is expected of `traceSteps`. */
const STEPS = "FROM-TO, two steps of which the first is not after the last, such as 1-50";

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
  /** Go on with the run that is in `runDir`, if one is; it must have the same recipe. */
  autoResume: z.boolean(),
  /** 0: only at the end of an epoch and of the run. */
  checkpointEverySteps: z.number().int().min(0),
  /** Besides; 0: not by time. */
  checkpointEverySeconds: z.number().min(0),
  /** Checkpoints in a row that could not be written: so many end the run. */
  checkpointFailures: z.number().int().min(1),
  keepCheckpoints: z.number().int().min(1),
  /** 0: never but at the end. */
  evaluateEveryEpochs: z.number().int().min(0),
  /** Seconds without a result, though the worker is alive, before it is ended; `auto`: as its recent steps let expect. */
  stepTimeout: z.union([
    z
      .number()
      .min(LEAST_HEARTBEAT_TIMEOUT)
      .describe("It is never less than --heartbeat-timeout: a worker that is silent is not one that is slow."),
    z.literal("auto"),
  ]),
  /** Seconds of silence before a worker is ended. */
  heartbeatTimeout: z
    .number()
    .min(LEAST_HEARTBEAT_TIMEOUT)
    .describe("A worker gives a sign of life each second, and a busy one may miss two."),
  /** Fewest workers to train with: with fewer, training waits. Null: it goes on with any. */
  minWorkers: z.number().int().min(1).max(1024).nullable(),
  /** Seconds for which it waits before it fails; at the start, for which it waits for all before it begins with fewer. */
  waitWorkers: z.number().min(1),
  /** Late shards are given to idle workers as well, and the first result counts; gradients travel as frames then. */
  backupShards: z.boolean(),
  /** How weights and gradients travel; `auto`: shared memory with this run's own workers, frames with all others. */
  exchange: z.enum(["auto", "shared-memory", "frames"]),
  /** Restarts of one local worker. */
  maxRestarts: z.number().int().min(0),
  /** A file for the timeline of some steps, as Chrome and Perfetto read it; null: none. */
  trace: z.string().min(1).nullable(),
  /** Steps in the trace, both included; null: the first that this process does. */
  traceSteps: z
    .string()
    .regex(/^[1-9]\d{0,8}-[1-9]\d{0,8}$/, STEPS)
    .refine((text) => stepsOf(text).from <= stepsOf(text).to, STEPS)
    .nullable(),
  /** Pictures of the network after each evaluation, in the run's folder. */
  pictures: z.boolean(),
  /** Event files for TensorBoard, in a folder of the run's name in that one; true: in the run's own, false: none. */
  tensorboard: z.union([z.boolean(), z.string().min(1)]),
  /** Address of an MLflow server that is told the run's figures; null: none. */
  mlflow: z
    .string()
    .refine(
      isHttpUrl,
      "an address such as http://127.0.0.1:5000 (name and password in MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD)",
    )
    .nullable(),
  metricsHost: z.string().min(1),
  /** 0: any free port. */
  metricsPort: z.number().int().min(0).max(65535),
  /** A file with the token that readers of the metrics must send; null: CNN_DIST_METRICS_TOKEN, else none. */
  metricsTokenFile: z.string().min(1).nullable(),
  /** PEM files, both or none: metrics over HTTPS. */
  metricsCert: z.string().min(1).nullable(),
  metricsKey: z.string().min(1).nullable(),
  metrics: z.boolean(),
});
/** Without a name and a password, which would be printed: those come from the environment. */
function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
}

export type Placement = z.infer<typeof placementSchema>;

export const PLACEMENT_DEFAULTS: Placement = {
  workers: null,
  device: "auto",
  devicesPerWorker: 1,
  dataDir: null,
  runDir: null,
  autoResume: false,
  checkpointEverySteps: 0,
  checkpointEverySeconds: 0,
  checkpointFailures: 10,
  keepCheckpoints: 3,
  evaluateEveryEpochs: 1,
  stepTimeout: "auto",
  heartbeatTimeout: DEFAULT_HEARTBEAT_TIMEOUT,
  minWorkers: null,
  waitWorkers: DEFAULT_WAIT_WORKERS,
  backupShards: false,
  exchange: "auto",
  maxRestarts: 3,
  trace: null,
  traceSteps: null,
  pictures: false,
  tensorboard: false,
  mlflow: null,
  metricsHost: "127.0.0.1",
  metricsPort: 0,
  metricsTokenFile: null,
  metricsCert: null,
  metricsKey: null,
  metrics: true,
};

/** Steps that are traced where `traceSteps` does not say. */
const TRACED_STEPS = 50;

/** Steps to trace, both included, of a run that goes on after step `done`; null: none. */
export function tracedSteps(
  { trace, traceSteps }: Pick<Placement, "trace" | "traceSteps">,
  done: number,
): { from: number; to: number } | null {
  if (trace === null) return null;
  return traceSteps === null ? { from: done + 1, to: done + TRACED_STEPS } : stepsOf(traceSteps);
}

export function isBetween(step: number, steps: { from: number; to: number } | null): boolean {
  return steps !== null && steps.from <= step && step <= steps.to;
}

function stepsOf(text: string): { from: number; to: number } {
  const [from = 0, to = 0] = text.split("-").map(Number);
  return { from, to };
}

/** What is left out, or undefined, has its default. UsageError names the flag, or the key of `where`. */
export function completePlacement(
  given: { readonly [K in keyof Placement]?: Placement[K] | undefined },
  where: string | null = null,
): Placement {
  const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const placement = validate(placementSchema, { ...PLACEMENT_DEFAULTS, ...known }, where);
  checkTimeLimits(placement);
  checkWorkers(placement, known);
  checkBackups(placement);
  if (placement.autoResume && placement.runDir === null)
    throw new UsageError("config", "--auto-resume goes on with the run in --run-dir DIR; --run-dir is missing.");
  if (placement.traceSteps !== null && placement.trace === null)
    throw new UsageError("config", "--trace-steps says which steps --trace FILE is to hold; --trace is missing.");
  if ((placement.metricsCert === null) !== (placement.metricsKey === null))
    throw new UsageError("config", "--metrics-cert and --metrics-key belong together; only one of them was given.");
  return placement.backupShards ? { ...placement, exchange: "frames" } : placement;
}

/** Who writes to shared memory, and is late, could write there in a later step. */
function checkBackups({ backupShards, exchange }: Placement): void {
  if (backupShards && exchange === "shared-memory")
    throw new UsageError(
      "config",
      "--backup-shards needs results that can come too late, as frames do: leave out --exchange shared-memory.",
    );
}

function checkWorkers({ workers, minWorkers, waitWorkers }: Placement, known: object): void {
  if (minWorkers === null && "waitWorkers" in known)
    throw new UsageError(
      "config",
      `--wait-workers ${waitWorkers} says how long to wait for --min-workers N; --min-workers is missing.`,
    );
  if (minWorkers !== null && workers !== null && minWorkers > workers)
    throw new UsageError(
      "config",
      `--min-workers ${minWorkers} is more than --gpus ${workers}: so many workers will never be there. Lower it, or raise --gpus.`,
    );
}
