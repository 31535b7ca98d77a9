/** A worker's life: hello, recipe, data and network, join, then work until it is told to stop. */
import { within } from "../clock.js";
import type { Fingerprint } from "../config/fingerprint.js";
import type { PixelStatistics } from "../config/pixel-statistics.js";
import type { Recipe } from "../config/recipe.js";
import { ANSWER_MS, FLUSH_MS, REFUSED_MS, UNFINISHED_MS } from "../config/time-limits.js";
import type { Pipeline } from "../data/augment/pipeline.js";
import type { Dataset } from "../data/dataset.js";
import { globalBatch } from "../data/order.js";
import { CnnDistError, messageOf } from "../errors.js";
import { compressorOf } from "../exchange/compression.js";
import type { RunMemory } from "../exchange/memory.js";
import type { Contents } from "../exchange/places.js";
import { asBytes } from "../parameters/bytes.js";
import type { Layout } from "../parameters/layout.js";
import { decodeToWorker, encode } from "../protocol/codec.js";
import { PROTOCOL, type ToCoordinator, type ToWorker } from "../protocol/messages.js";
import type { WorkerLink } from "../transport/link.js";
import { CompressedExchange, FrameExchange, SharedExchange, type WorkerExchange } from "./exchange.js";
import { Heartbeat } from "./heartbeat.js";
import { OtherRecipe } from "./other-recipe.js";
import { WorkerResiduals } from "./residuals.js";
import { type Computer, type Doing, WorkSession } from "./session.js";

/** What a recipe turns into: data, network and the means to compute. */
export interface WorkerSetup {
  fingerprint: Fingerprint;
  dataset: Dataset;
  /** From the data set's images to the network's. */
  pipelines: { training: Pipeline; evaluation: Pipeline };
  topologySha256: string;
  layout: Layout;
  computer: Computer;
  allocate: (length: number) => Float32Array;
  memory: () => { tensors: number; bytes: number };
  /**
   * Of a model of the user's own: what the coordinator cannot know by itself. `values`: as the layout has them, weights
   * then state. Null for a table.
   */
  initialValues: {
    parameters: NonNullable<Extract<ToCoordinator, { type: "join" }>["parameters"]>;
    values: Float32Array;
  } | null;
  close: () => Promise<void>;
}

export interface WorkerOptions {
  link: WorkerLink;
  token: string | null;
  host: string;
  device: string;
  pid: number;
  /** The file that this process's stderr goes to; null for a terminal. */
  log: string | null;
  /** Builds what the recipe asks for; `progress` says what it is doing. */
  prepare: (
    recipe: Recipe,
    pixelStatistics: PixelStatistics | null,
    progress: (what: string) => void,
  ) => Promise<WorkerSetup>;
  /** The memory that the launcher shares with its workers; null for a worker of another host. */
  openMemory: ((layout: Layout, contents: Omit<Contents, "block">) => RunMemory) | null;
  /** Milliseconds without a coordinator after which the worker gives up. */
  aloneMs: number;
  /** Whether it can come back as another incarnation; else it waits on the same connection. */
  rejoins: boolean;
  now: () => number;
  rssBytes: () => number;
  heartbeatMs?: number;
}

export interface WorkerOutcome {
  /** `separated`: its connection is gone; the process computes nothing any more and can be another incarnation. */
  kind: "stopped" | "refused" | "evicted" | "failed" | "separated";
  detail: string;
}

const JOINING: Doing = { phase: "joining" };

/** The stack of an unexpected error, or of an error's cause. */
function stackOf(error: unknown): string | null {
  const origin = error instanceof CnnDistError ? error.cause : error;
  return origin instanceof Error && !(origin instanceof CnnDistError) ? (origin.stack ?? null) : null;
}

export async function runWorker(options: WorkerOptions): Promise<WorkerOutcome> {
  const { link } = options;
  const send = (message: ToCoordinator, payload?: Float32Array | Uint8Array) => {
    if (held.separated) return; // another coordinator may be there by now, who knows nothing of this incarnation
    link.send(payload ? { header: encode(message), payload: asBytes(payload) } : { header: encode(message) });
  };
  const held: {
    setup: WorkerSetup | null;
    session: WorkSession | null;
    recipe: Recipe | null;
    ended: boolean;
    separated: boolean;
  } = {
    setup: null,
    session: null,
    recipe: null,
    ended: false,
    separated: false,
  };

  const heartbeat = new Heartbeat({
    doing: () => held.session?.doing ?? JOINING,
    send({ phase }) {
      const { tensors, bytes } = held.setup?.memory() ?? { tensors: 0, bytes: 0 };
      send({ type: "heartbeat", phase, tensors, tensorBytes: bytes, rssBytes: options.rssBytes() });
    },
    ...(options.heartbeatMs === undefined ? {} : { heartbeatMs: options.heartbeatMs }),
  });

  let stopWaiting = () => {};
  /** Whether the coordinator was told of a failure, and whether it has answered. */
  let told = false;
  let answer = () => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const outcome = await new Promise<WorkerOutcome>((resolve) => {
    const end = (outcome: WorkerOutcome) => {
      held.ended = true;
      held.separated = outcome.kind === "separated";
      resolve(outcome);
    };
    const fail = (error: unknown) => {
      if (held.ended) return; // closing TensorFlow cancels what it still computes, so this rejection is expected
      if (error instanceof OtherRecipe) return end({ kind: "evicted", detail: error.message });
      const code = error instanceof CnnDistError ? error.code : "unexpected";
      const stack = stackOf(error);
      const where = stack === null || options.log === null ? "" : `\nThe whole stack is in ${options.log}.`;
      told = true;
      send({ type: "failed", code, message: `${messageOf(error).slice(0, 15_000)}${where}` });
      // It cannot run what the coordinator trains: the two do not go together, as after a refusal from there.
      const kind = code === "model-not-allowed" || code === "towers" ? "refused" : "failed";
      end({ kind, detail: stack === null ? messageOf(error) : `${messageOf(error)}\n${stack}` });
    };
    const prepare = async ({ recipe, pixelStatistics }: Extract<ToWorker, { type: "recipe" }>) => {
      held.recipe = recipe;
      const setup = await options.prepare(recipe, pixelStatistics, (what) => {
        if (!held.ended) send({ type: "progress", what });
      });
      if (held.ended) return setup.close(); // it was told to stop meanwhile
      held.setup = setup;
      const { fingerprint, dataset, topologySha256, initialValues } = setup;
      send(
        {
          type: "join",
          fingerprint,
          datasetSha256: dataset.sha256,
          topologySha256,
          parameters: initialValues?.parameters ?? null,
        },
        initialValues?.values,
      );
    };
    const handle = (message: ToWorker, payload: Uint8Array | null): void => {
      switch (message.type) {
        case "recipe":
          if (held.recipe === null) prepare(message).catch(fail);
          return;
        case "accept": {
          const { dataset, pipelines, layout, computer } = held.setup!;
          const { run, rank, incarnation, exchange } = message;
          held.session = new WorkSession({
            sender: { run, rank, incarnation },
            recipe: held.recipe!,
            dataset,
            pipelines,
            layout,
            computer,
            ...exchangeOf(exchange, held.setup!, held.recipe!, options.openMemory),
            send,
            beat: () => heartbeat.beat(),
            now: options.now,
          });
          return;
        }
        case "weights":
          return held.session?.putWeights(message, payload);
        case "residual":
          return held.session?.putResidual(message, payload);
        case "sendResiduals":
          return held.session?.sendResiduals(message);
        case "rollback":
          return held.session?.rollBack(message);
        case "assign":
        case "evaluate":
          return held.session?.add(message, fail);
        case "refuse":
          return end({ kind: "refused", detail: message.message });
        case "evict":
          return end({ kind: "evicted", detail: message.reason });
        case "stop":
          return end({ kind: "stopped", detail: message.reason });
      }
    };
    // A coordinator that is gone says nothing any more. What was on its way when a connection broke is lost, and neither
    // side knows what that was: this incarnation ends with its connection.
    const { aloneMs, rejoins } = options;
    let reached = false;
    let alone = setTimeout(() => gone("no coordinator answers"), aloneMs);
    const gone = (detail: string) => end({ kind: "failed", detail: `${detail} (waited ${aloneMs / 1000} s)` });
    link.onConnection((connected) => {
      clearTimeout(alone);
      if (held.ended) return;
      if (connected && reached) end({ kind: "evicted", detail: "its connection broke, and came back" });
      reached ||= connected;
      if (connected) return;
      if (rejoins && reached) end({ kind: "separated", detail: "the coordinator is gone" });
      else alone = setTimeout(() => gone("the coordinator is gone"), aloneMs);
    });
    // The socket goes on trying: an allowed list may be about to get this key.
    let refusedSince: number | null = null;
    link.onRefused((why) => {
      refusedSince ??= options.now();
      if (!held.ended && options.now() - refusedSince >= REFUSED_MS) end({ kind: "refused", detail: why });
    });
    stopWaiting = () => clearTimeout(alone);
    link.onMessage((parts) => {
      const decoded = decodeToWorker(parts);
      if (held.ended) {
        if (decoded.ok && ["evict", "stop", "refuse"].includes(decoded.message.type)) answer();
        return;
      }
      if (!decoded.ok)
        return fail(
          new CnnDistError(
            "protocol",
            `the coordinator sent a message that this version does not know (${decoded.reason})`,
          ),
        );
      try {
        handle(decoded.message, decoded.payload);
      } catch (error) {
        fail(error);
      }
    });
    send({
      type: "hello",
      protocol: PROTOCOL,
      token: options.token,
      pid: options.pid,
      host: options.host,
      device: options.device,
    });
  });
  heartbeat.stop();
  stopWaiting();
  if (outcome.kind === "separated") return await alive(held.session, outcome);
  await link.flush(FLUSH_MS);
  if (told) await within(answered, ANSWER_MS);
  await held.setup?.close();
  return outcome;
}

/** What TensorFlow still computes must have ended before another incarnation computes; a process in which it hangs is of no use. */
async function alive(session: WorkSession | null, separated: WorkerOutcome): Promise<WorkerOutcome> {
  let idle = false;
  const ending = session?.end().finally(() => {
    idle = true;
  });
  await within(ending?.catch(() => {}) ?? Promise.resolve(), UNFINISHED_MS);
  if (idle || session === null) return separated;
  return { kind: "evicted", detail: `${separated.detail}, and what this process computes does not end` };
}

function exchangeOf(
  kind: Extract<ToWorker, { type: "accept" }>["exchange"],
  { layout, allocate }: WorkerSetup,
  recipe: Recipe,
  openMemory: WorkerOptions["openMemory"],
): { exchange: WorkerExchange; residuals: WorkerResiduals | null } {
  const { shards } = globalBatch(recipe);
  const compressor = compressorOf(recipe.compress);
  if (kind === "frames" && compressor) {
    const residuals = new WorkerResiduals(layout);
    return { exchange: new CompressedExchange(layout, shards, allocate, { compressor, residuals }), residuals };
  }
  if (kind === "frames") return { exchange: new FrameExchange(layout, shards, allocate), residuals: null };
  // The optimizer's vectors lie last.
  const contents = { shards, ema: recipe.ema !== null, compressed: compressor !== null, slotNames: [] };
  if (openMemory)
    return { exchange: new SharedExchange(layout, openMemory(layout, contents), compressor), residuals: null };
  throw new CnnDistError(
    "protocol",
    "the coordinator asks for shared memory, and this worker was not started by it. Start the coordinator with --exchange frames.",
  );
}
