import { z } from "zod";
import { fingerprintSchema } from "../config/fingerprint.js";
import { pixelStatisticsSchema } from "../config/pixel-statistics.js";
import { recipeCodec } from "../config/recipe.js";
import { LOSS_REASONS, WORKER_PHASES, WORKER_STATES } from "../events.js";

/** The messages between coordinator and workers. Anything that is not exactly one of these is dropped and counted. */
export const PROTOCOL = 5;

const index = z
  .number()
  .int()
  .min(0)
  .max(2 ** 31 - 1);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const text = z.string().max(4096);
/** A loss may be NaN or infinite: that it is so must get through. */
const anyNumber = z.custom<number>((value) => typeof value === "number", "expected a number");
const milliseconds = z.number().min(0).finite();

/** Of a worker's incarnation. */
const incarnation = { rank: index, incarnation: index };
/** The sender: late messages of a dead incarnation are recognised by these. */
const sender = { run: z.string().max(64), ...incarnation };
const work = { ...sender, step: index, version: index };
const range = { start: index, end: index };

/** Spans that one message may carry; a worker leaves out what is beyond. */
export const MAX_SPANS = 4096;
/** `forward` ends, and `backward` begins, where the loss or the first gradient comes out. */
const spanSchema = z.tuple([
  z.enum(["input", "forward", "backward", "write", "device"]),
  /** Shard; bucket, or the device of `device`, or -1; start and end, of the worker's clock. */
  index,
  z.number().int().min(-1),
  milliseconds,
  milliseconds,
]);
/**
 * When a worker computed a range, by its own monotonic clock, and how long each part took; all in milliseconds. `began`: with
 * the input; `computing`: with TensorFlow's first operation. Gradients leave while TensorFlow computes, so `write` lies within
 * `compute`. `spans`: only of a step that is traced.
 */
const timingSchema = z.strictObject({
  assignedMs: milliseconds,
  beganMs: milliseconds,
  computingMs: milliseconds,
  sentMs: milliseconds,
  inputMs: milliseconds,
  computeMs: milliseconds,
  writeMs: milliseconds,
  spans: z.array(spanSchema).max(MAX_SPANS),
});
export type Timing = z.infer<typeof timingSchema>;

export const layoutSpecSchema = z
  .array(
    z.strictObject({
      name: z.string().min(1).max(256),
      shape: z.array(index).max(8),
      role: z.enum(["trainable", "state"]),
      decay: z.boolean(),
    }),
  )
  .max(100_000);
export type LayoutSpec = z.infer<typeof layoutSpecSchema>;

/** What a process takes. */
const usage = { tensors: index, tensorBytes: z.number().min(0), rssBytes: z.number().min(0) };
/** Workers of one machine. */
const MAX_NODE_WORKERS = 1024;

export const toCoordinator = z.discriminatedUnion("type", [
  /**
   * First word of an incarnation. `token`: given by the launcher to a local worker, null for one that came by itself.
   * `node`: it speaks for a machine, which has that number in the run, and for so many workers of it.
   */
  z.strictObject({
    type: z.literal("hello"),
    protocol: index,
    token: z.string().max(64).nullable(),
    pid: index,
    host: z.string().max(256),
    device: z.string().max(128),
    node: z.strictObject({ rank: index.min(1), workers: z.number().int().min(1).max(MAX_NODE_WORKERS) }).optional(),
  }),
  /** After the recipe was received, data read and the network built. `parameters`: only for user models. */
  z.strictObject({
    type: z.literal("join"),
    fingerprint: fingerprintSchema,
    datasetSha256: sha256,
    topologySha256: sha256,
    parameters: layoutSpecSchema.nullable(),
  }),
  /** What it does until it joins, for the person at the terminal. */
  z.strictObject({ type: z.literal("progress"), what: text }),
  /** A sign of life, each second, and sooner where `phase` has changed and lasts. */
  z.strictObject({
    type: z.literal("heartbeat"),
    phase: z.enum(WORKER_PHASES),
    ...usage,
  }),
  /** The same of a node, for those of its workers that it heard of since the last. */
  z.strictObject({
    type: z.literal("heartbeats"),
    phase: z.enum(WORKER_PHASES),
    workers: z.array(z.strictObject({ rank: index, ...usage })).max(MAX_NODE_WORKERS),
  }),
  /** What became of one of a node's workers: the fields of a run's event. */
  z.strictObject({
    type: z.literal("worker"),
    ...incarnation,
    state: z.enum(WORKER_STATES),
    pid: index.nullable(),
    device: z.string().max(128),
    detail: text.optional(),
    reason: z.enum(LOSS_REASONS).optional(),
    detectionSeconds: z.number().min(0).finite().optional(),
    reassigned: index.optional(),
    step: index.nullable().optional(),
    phase: z.enum(WORKER_PHASES).optional(),
    log: z.string().max(16_384).optional(),
  }),
  /** Sum of the losses of the shard's samples, over the global batch: shares that add up to the step's mean loss. */
  z.strictObject({
    type: z.literal("loss"),
    ...work,
    shard: index,
    loss: anyNumber,
    hits: index,
  }),
  /** Payload: the float32 sum of one bucket's gradients over the shards of the range; of one shard, if compressed. */
  z.strictObject({ type: z.literal("bucket"), ...work, ...range, bucket: index }),
  /**
   * Last of a range. Payload (if the network has state): sum over the shards of state * samples / global batch. `timing`: null
   * from a node, whose workers' times come as `times`, before its last range.
   */
  z.strictObject({ type: z.literal("finished"), ...work, ...range, timing: timingSchema.nullable() }),
  /** Of a node: when one of its workers computed so many shards of the step. */
  z.strictObject({ type: z.literal("times"), ...work, worker: index, shards: index, timing: timingSchema }),
  /** Payload: float32, one bucket of what a shard kept back, in force at that version. */
  z.strictObject({ type: z.literal("residual"), ...sender, shard: index, version: index, bucket: index }),
  z.strictObject({
    type: z.literal("evaluated"),
    ...sender,
    evaluation: index,
    ...range,
    loss: anyNumber,
    hits: index,
  }),
  /** The worker cannot go on. */
  z.strictObject({ type: z.literal("failed"), code: z.string().max(64), message: z.string().max(16_384) }),
  z.strictObject({ type: z.literal("bye") }),
]);

const endedSchema = z.enum(["done", "stopped", "failed"]);
/** How a run ended. */
export type Ended = z.infer<typeof endedSchema>;
const weightsKindSchema = z.enum(["raw", "ema"]);
const exchangeSchema = z.enum(["frames", "shared-memory"]);
export type Exchange = z.infer<typeof exchangeSchema>;

export const toWorker = z.discriminatedUnion("type", [
  /**
   * `pixelStatistics`: of the training set, where the recipe uses them. `node`: for a node, the ranks of its workers with
   * their first incarnations, shards a block (src/parameters/blocks.ts), and the network's parameters in order, where they are
   * known.
   */
  z.strictObject({
    type: z.literal("recipe"),
    run: z.string().max(64),
    recipe: recipeCodec,
    pixelStatistics: pixelStatisticsSchema.nullable(),
    node: z
      .strictObject({
        workers: z.array(z.strictObject(incarnation)).max(MAX_NODE_WORKERS),
        block: z.number().int().min(1),
        parameters: layoutSpecSchema.nullable(),
      })
      .optional(),
  }),
  /**
   * It is a member from now on, under this rank and incarnation.
   * `frames`: weights come as `weights` and gradients go as payloads of `bucket`. `shared-memory`: both lie in the memory
   * that the worker was started with, and `bucket`, for a block of shards, only says that a gradient is there.
   */
  z.strictObject({ type: z.literal("accept"), ...sender, exchange: exchangeSchema }),
  z.strictObject({ type: z.literal("refuse"), code: z.string().max(64), message: z.string().max(16_384) }),
  /** Payload: float32, one bucket of weights of that version, or of their moving average; bucket -1 is the state vector. */
  z.strictObject({
    type: z.literal("weights"),
    kind: weightsKindSchema,
    version: index,
    bucket: z.number().int().min(-1),
  }),
  /** What a shard kept back, bucket by bucket, before its shard is assigned. Payload: float32; without one, zeros. */
  z.strictObject({ type: z.literal("residual"), shard: index, version: index, bucket: index }),
  /** Send what these shards kept back, as it is at that version. */
  z.strictObject({ type: z.literal("sendResiduals"), version: index, shards: z.array(index).max(1024) }),
  /** The run goes back to that version: work on later steps is given up, and they will come again. */
  z.strictObject({ type: z.literal("rollback"), version: index }),
  /** Compute the gradients of these shards; `batch` samples in this step (the last of an epoch may be short). */
  z.strictObject({
    type: z.literal("assign"),
    step: index,
    version: index,
    epoch: index,
    stepInEpoch: index,
    batch: index,
    shards: z.array(index).max(1024),
    /** Say with each range when each of its parts began and ended. */
    traced: z.boolean(),
  }),
  /** Loss and hits of test images `start` to `end`, at that version. */
  z.strictObject({ type: z.literal("evaluate"), evaluation: index, kind: weightsKindSchema, version: index, ...range }),
  /** `ended`: how the run did. */
  z.strictObject({ type: z.literal("stop"), reason: text, ended: endedSchema.optional() }),
  /** It was taken for dead: end, or come back as a new incarnation. */
  z.strictObject({ type: z.literal("evict"), reason: text }),
]);

export type ToCoordinator = z.infer<typeof toCoordinator>;
export type ToWorker = z.infer<typeof toWorker>;
