/**
 * A node's life: hello, recipe, its own workers, join, then work until it is told to stop. To the coordinator it is one member;
 * to its workers it is what a coordinator is on one machine.
 */
import { within } from "../clock.js";
import { ANSWER_MS, FLUSH_MS, HEARTBEAT_MS, REFUSED_MS } from "../config/time-limits.js";
import { CnnDistError, messageOf } from "../errors.js";
import type { RunEvent, WorkerEvent, WorkerPhase } from "../events.js";
import { layoutSpecOf } from "../membership/admission.js";
import { type Deferred, deferred } from "../membership/in-flight.js";
import type { MembersOptions } from "../membership/ports.js";
import { asBytes } from "../parameters/bytes.js";
import { decodeToWorker, encode } from "../protocol/codec.js";
import { type Ended, PROTOCOL, type ToCoordinator, type ToWorker } from "../protocol/messages.js";
import type { WorkerLink } from "../transport/link.js";
import { Crew, type CrewPorts, type Task } from "./crew.js";
import { NodeSession } from "./session.js";
import { Heartbeats, workerMessage } from "./told.js";

export interface NodeOptions {
  /** Its number in the run, from 1. */
  node: number;
  /** That it starts. */
  workers: number;
  host: string;
  device: string;
  pid: number;
  placement: MembersOptions["placement"];
  /** Milliseconds that it waits for a coordinator: one that it has not met yet, and one that it has lost. */
  waits: { firstMs: number; againMs: number };
  heartbeatMs?: number;
}

export interface NodePorts extends Omit<CrewPorts, "emit"> {
  /** To the coordinator. `link` is the workers'. */
  up: WorkerLink;
  /** Told of what becomes of the node's workers. */
  observe(event: RunEvent): void;
  /** For the person: what the node itself does. */
  note(text: string): void;
}

export interface NodeOutcome {
  /** `evicted`: it may come back, as a new incarnation. `left`: it was asked to. */
  kind: Ended | "left" | "refused" | "evicted";
  detail: string;
}

/** Resolves with how it ended, once its workers have left. Aborting `leaving` asks it to leave. */
export async function runNode(options: NodeOptions, ports: NodePorts, leaving: AbortSignal): Promise<NodeOutcome> {
  const life = new NodeLife(options, ports);
  const leave = () => life.leave();
  if (leaving.aborted) leave();
  else leaving.addEventListener("abort", leave, { once: true });
  try {
    return await life.ended;
  } finally {
    leaving.removeEventListener("abort", leave);
    await life.close();
  }
}

class NodeLife {
  readonly ended: Promise<NodeOutcome>;
  readonly #options: NodeOptions;
  readonly #ports: NodePorts;
  readonly #heartbeats = new Heartbeats();
  readonly #beat: NodeJS.Timeout;
  #end!: (outcome: NodeOutcome) => void;
  #outcome: NodeOutcome | null = null;
  #task: Task | null = null;
  #crew: Crew | null = null;
  #session: NodeSession | null = null;
  #cancelWait: () => void = () => {};
  /** Resolved by the coordinator's answer to a failure that it was told of; null: it was told of none. */
  #answer: Deferred<void> | null = null;
  #refusedSince: number | null = null;

  constructor(options: NodeOptions, ports: NodePorts) {
    this.#options = options;
    this.#ports = ports;
    this.ended = new Promise((resolve) => {
      this.#end = (outcome) => {
        this.#outcome ??= outcome;
        resolve(outcome);
      };
    });
    const { up } = ports;
    this.#beat = setInterval(
      () => this.#send(this.#heartbeats.take(this.#phase())),
      options.heartbeatMs ?? HEARTBEAT_MS,
    );
    this.#wait(options.waits.firstMs, "no coordinator answers");
    // What was on its way when a connection broke is lost, and neither side knows what that was.
    let reached = false;
    up.onConnection((connected) => {
      this.#cancelWait();
      if (connected && reached) this.#finish("evicted", "its connection broke, and came back");
      reached ||= connected;
      if (connected || this.#outcome) return;
      const { firstMs, againMs } = options.waits;
      if (!reached) return this.#wait(firstMs, "no coordinator answers");
      ports.note(`the coordinator is gone; node ${options.node} waits ${againMs / 1000} s for one`);
      this.#wait(againMs, "the coordinator is gone");
    });
    // The socket goes on trying: an allowed list may be about to get this key.
    up.onRefused((why) => {
      this.#refusedSince ??= ports.clock.now();
      if (ports.clock.now() - this.#refusedSince >= REFUSED_MS) this.#finish("refused", why);
    });
    up.onMessage((parts) => this.#receive(parts));
    const { node, workers, pid, host, device } = options;
    const hello = { protocol: PROTOCOL, token: null, pid, host, device, node: { rank: node, workers } };
    this.#send({ type: "hello", ...hello });
  }

  #phase(): WorkerPhase {
    if (!this.#session) return "joining";
    if (this.#crew?.isCompiling()) return "compiling";
    return this.#session.isWorking ? "computing" : "waiting";
  }

  leave(): void {
    this.#send({ type: "bye" }); // so that the coordinator need not wait for its silence
    this.#finish("left", "it was asked to leave");
  }

  async close(): Promise<void> {
    clearInterval(this.#beat);
    this.#cancelWait();
    await this.#ports.up.flush(FLUSH_MS);
    if (this.#answer) await within(this.#answer.promise, ANSWER_MS);
    await this.#crew?.close(this.#outcome?.detail ?? "the node ends");
  }

  #wait(ms: number, what: string): void {
    this.#cancelWait();
    if (this.#outcome) return; // the coordinator leaves too: nothing is to keep this process
    this.#cancelWait = this.#ports.clock.after(ms, () => this.#finish("failed", `${what} (waited ${ms / 1000} s)`));
  }

  #send(message: ToCoordinator, payload?: Float32Array): void {
    if (this.#outcome) return;
    this.#ports.up.send(payload ? { header: encode(message), payload: asBytes(payload) } : { header: encode(message) });
  }

  #finish(kind: NodeOutcome["kind"], detail: string): void {
    this.#end({ kind, detail });
  }

  /** The coordinator is told why, and then the node ends. */
  #fail(error: unknown): void {
    if (this.#outcome) return; // its workers were told to leave, so what they were asked for is given up
    const code = error instanceof CnnDistError ? error.code : "unexpected";
    this.#answer = deferred();
    this.#send({ type: "failed", code, message: messageOf(error).slice(0, 15_000) });
    this.#finish("failed", messageOf(error));
  }

  #receive(parts: readonly Uint8Array[]): void {
    const decoded = decodeToWorker(parts);
    if (this.#outcome) {
      if (decoded.ok && ["evict", "stop", "refuse"].includes(decoded.message.type)) this.#answer?.resolve();
      return;
    }
    try {
      if (!decoded.ok)
        throw new CnnDistError(
          "protocol",
          `the coordinator sent a message that this version does not know (${decoded.reason})`,
        );
      this.#handle(decoded.message, decoded.payload);
    } catch (error) {
      this.#fail(error);
    }
  }

  #handle(message: ToWorker, payload: Uint8Array | null): void {
    switch (message.type) {
      case "recipe":
        return this.#begin(message);
      case "accept":
        return this.#accepted(message);
      case "weights":
        return this.#session?.putWeights(message, payload);
      case "assign":
      case "evaluate":
        return this.#session?.add(message, (error) => this.#fail(error));
      case "refuse":
        return this.#finish("refused", message.message);
      case "evict":
        return this.#finish("evicted", message.reason);
      case "stop":
        return this.#finish(message.ended ?? "stopped", message.reason);
      case "residual":
      case "sendResiduals":
      case "rollback":
        throw new CnnDistError("protocol", "the coordinator speaks of compressed gradients, which nodes do not have");
    }
  }

  #begin(task: Task): void {
    if (this.#task) return;
    this.#task = task;
    this.#crew = new Crew(task, this.#options.placement, {
      ...this.#ports,
      emit: (event) => {
        this.#heartbeats.observe(event);
        if (event.event === "worker") this.#tell(event);
        this.#ports.observe(event);
      },
    });
    this.#join(task, this.#crew).catch((error: unknown) => this.#fail(error));
  }

  #tell(event: WorkerEvent): void {
    this.#send(workerMessage(event));
    // Progress of any worker is the node's, until it has joined.
    if (!this.#session && event.state === "tracing") this.#send({ type: "progress", what: event.detail ?? "joining" });
  }

  /** Once the first worker is ready, as that one joined. */
  async #join(task: Task, crew: Crew): Promise<void> {
    const { fingerprint, topologySha256, layout, weights, state } = await crew.firstReady();
    // Of a model that only a worker can read, the coordinator may have no values yet.
    const brings = task.node!.parameters === null;
    const join = {
      type: "join",
      fingerprint,
      topologySha256,
      datasetSha256: task.recipe.datasetSha256!,
      parameters: brings ? layoutSpecOf(layout) : null,
    } as const;
    this.#send(join, brings ? joined(weights, state) : undefined);
  }

  #accepted({ run, rank, incarnation }: Extract<ToWorker, { type: "accept" }>): void {
    const { recipe, node } = this.#task!;
    const { workers, memory } = this.#crew!;
    this.#session = new NodeSession({
      sender: { run, rank, incarnation },
      recipe,
      block: node!.block,
      workers,
      memory,
      send: (message, payload) => this.#send(message, payload),
      now: () => this.#ports.clock.now(),
    });
    this.#ports.note(`node ${this.#options.node} takes part in the run ${run}`);
  }
}

function joined(first: Float32Array, second: Float32Array): Float32Array {
  const both = new Float32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
