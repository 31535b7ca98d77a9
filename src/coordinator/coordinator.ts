/** Wires roster, wire and work in flight together; the training itself is in loop.ts. */
import { CnnDistError, CODES, errorOf, isCode, messageOf } from "../errors.js";
import type { RunEvent, WorkerEvent } from "../events.js";
import { asBytes } from "../parameters/bytes.js";
import { decodeToCoordinator, encode, type RejectReason } from "../protocol/codec.js";
import { type Fingerprint, PROTOCOL, type ToCoordinator, type ToWorker } from "../protocol/messages.js";
import { initialValuesOf, type Join, objection } from "./admission.js";
import { StopRequested, train } from "./loop.js";
import type { Coordinator, CoordinatorOptions, CoordinatorPorts, InitialValues, Outcome } from "./ports.js";
import { type Member, Roster } from "./roster.js";
import { HELLO_TIMEOUT_SECONDS, overdue, TICK_MS, wasSuspended } from "./watch.js";
import type { DoubleBuffer } from "./weights.js";
import { type Deferred, deferred, type Work } from "./work.js";

/** What the socket says of a dead worker; its process says it better. */
const CONNECTION_GONE = "its connection is gone";

type LossReason = NonNullable<WorkerEvent["reason"]>;

export function createCoordinator(options: CoordinatorOptions, ports: CoordinatorPorts): Coordinator {
  return new Hub(options, ports);
}

export class Hub implements Coordinator {
  readonly options: CoordinatorOptions;
  readonly ports: CoordinatorPorts;
  readonly roster = new Roster();
  /** Payload bytes since the start. */
  readonly exchanged = { in: 0, out: 0 };
  readonly initialValues: Deferred<InitialValues> = deferred();
  fingerprint: Fingerprint | null = null;
  #topology: string | null;
  #hasValues = false;
  #work: Work<unknown> | null = null;
  #stopping: string | null = null;
  #failure: CnnDistError | null = null;
  #over = false;
  #changed: Deferred<void> = deferred();
  #lastTrouble: { rank: number; incarnation: number; text: string } | null = null;
  /** How the processes of workers ended that were taken out before that was known. */
  readonly #exits = new Map<string, string>();
  #lastTick: number;
  #cancelTick: () => void = () => {};

  constructor(options: CoordinatorOptions, ports: CoordinatorPorts) {
    this.options = options;
    this.ports = ports;
    this.#topology = options.expect.topologySha256;
    this.#lastTick = ports.clock.now();
    if (options.start.values !== "from the first worker") {
      this.#hasValues = true;
      this.initialValues.resolve(options.start.values);
    }
    ports.link.onMessage((peer, parts) => this.#guard(() => this.#receive(peer, parts)));
    ports.link.onGone((peer) => {
      const member = this.roster.get(peer);
      if (member) this.#lose(member, "exit", CONNECTION_GONE);
    });
  }

  async run(): Promise<Outcome> {
    this.#tick();
    try {
      const outcome = await train(this);
      this.#dismiss(outcome.kind === "done" ? "the training is done" : "the run was stopped");
      return outcome;
    } catch (error) {
      this.#dismiss("the run failed");
      throw error;
    } finally {
      this.#cancelTick();
    }
  }

  requestStop(reason: string): void {
    if (this.#stopping !== null) return;
    this.#stopping = reason;
    this.#work?.abandon(new StopRequested());
    this.initialValues.reject(new StopRequested());
    this.#notify();
  }

  get stopping(): boolean {
    return this.#stopping !== null;
  }

  expectWorker({ token, rank, incarnation }: { token: string; rank: number; incarnation: number }): void {
    this.roster.expect(token, { rank, incarnation, since: this.ports.clock.now() });
  }

  workerExited({ rank, incarnation, detail }: { rank: number; incarnation: number; detail: string }): void {
    this.roster.forget({ rank, incarnation });
    const member = this.roster.find(rank, incarnation);
    if (member) return this.#lose(member, "exit", detail);
    this.#exits.set(`${rank}/${incarnation}`, detail);
    const known = this.#lastTrouble;
    // Why it was refused or failed says more than that it is gone.
    if (known?.rank !== rank || known.incarnation !== incarnation || known.text === CONNECTION_GONE)
      this.#lastTrouble = { rank, incarnation, text: detail };
    this.reconsider();
  }

  reconsider(): void {
    if (this.#over) return;
    if (this.roster.all().length === 0 && this.ports.workersPossible() === 0) this.fail(this.#nobodyLeft());
    this.#notify();
  }

  fail(error: CnnDistError): void {
    this.#failure ??= error;
    this.#work?.abandon(error);
    this.initialValues.reject(error);
    this.#notify();
  }

  #nobodyLeft(): CnnDistError {
    const trouble = this.#lastTrouble;
    const tail = trouble ? this.ports.logTail(trouble.rank) : "";
    const cause = trouble ? `rank ${trouble.rank}: ${trouble.text}` : "none ever came";
    return new CnnDistError(
      "no-workers",
      `no worker is left and none will be started again; the last to go was ${cause}.${tail === "" ? "" : `\nThe last lines of its log:\n${tail}`}`,
    );
  }

  /** Resolves once enough workers are ready; rejects on a stop or a failure. */
  async enoughWorkers(count: number): Promise<void> {
    for (;;) {
      this.throwIfEnded();
      const ready = this.roster.ready().length;
      if (ready >= count || (ready > 0 && ready >= this.ports.workersPossible())) return;
      await this.#changed.promise;
    }
  }

  throwIfEnded(): void {
    if (this.#failure) throw this.#failure;
    if (this.#stopping !== null) throw new StopRequested();
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = deferred();
  }

  /** Carries a piece of work out with whoever is there, whoever comes and whoever goes. */
  async carryOut<Result>(work: Work<Result>): Promise<Result> {
    this.throwIfEnded();
    this.#work = work;
    try {
      work.assign(this.roster.ready());
      for (const member of this.roster.ready()) if (member.owesSince === null) this.setState(member, "spare");
      return await work.done;
    } finally {
      this.#work = null;
      for (const member of this.roster.all()) member.owesSince = null;
    }
  }

  send(member: Member, message: ToWorker, payload?: Float32Array): void {
    if (payload) this.exchanged.out += payload.byteLength;
    this.ports.link.send(
      member.peer,
      payload ? { header: encode(message), payload: asBytes(payload) } : { header: encode(message) },
    );
  }

  /** Sends what the worker lacks of a version, whole. */
  bringUpTo(member: Member, buffer: DoubleBuffer, version: number): void {
    if (member.holds === version) return;
    for (const bucket of buffer.parts())
      this.send(member, { type: "weights", version, bucket }, buffer.bucket(version, bucket));
    member.holds = version;
    member.ahead = 0;
  }

  emit(event: RunEvent): void {
    this.ports.emit(event);
  }

  setState(member: Member, state: Member["state"], detail?: string): void {
    if (member.state === state && detail === undefined) return;
    member.state = state;
    this.emit({
      event: "worker",
      rank: member.rank,
      incarnation: member.incarnation,
      state,
      pid: member.pid,
      device: member.device,
      ...(detail === undefined ? {} : { detail }),
    });
  }

  #receive(peer: string, parts: readonly Uint8Array[]): void {
    // Whoever comes now is told to leave; nothing may be said after the run's last event.
    if (this.#over) return this.ports.link.send(peer, { header: encode({ type: "stop", reason: "the run is over" }) });
    const decoded = decodeToCoordinator(parts);
    if (!decoded.ok) return this.#reject(peer, decoded.reason);
    const { message, payload } = decoded;
    if (payload) this.exchanged.in += payload.byteLength;
    if (message.type === "hello") return this.#hello(peer, message);
    const member = this.roster.get(peer);
    if (!member) {
      this.#reject(peer, "stale");
      this.ports.link.send(peer, {
        header: encode({ type: "evict", reason: "this run does not know you (any more)" }),
      });
      return;
    }
    member.lastHeard = this.ports.clock.now();
    const reason = this.#handle(member, message, payload);
    // Work of a step that is over is late, not wrong: it is counted and costs no strike.
    if (reason === "stale") this.#count("stale");
    else if (reason) this.#reject(peer, reason);
  }

  /** Whatever goes wrong in here is the run's failure, told as one; it is never an exception in the socket's loop. */
  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#unexpected(error);
    }
  }

  #unexpected(error: unknown): void {
    this.fail(
      error instanceof CnnDistError
        ? error
        : new CnnDistError("unexpected", `the coordinator failed: ${messageOf(error)}`, { cause: error }),
    );
  }

  #count(reason: RejectReason): void {
    this.emit({ event: "rejected", reason });
  }

  #reject(peer: string, reason: RejectReason): void {
    this.#count(reason);
    if (!this.roster.strike(peer)) return;
    const member = this.roster.get(peer);
    if (member) this.#lose(member, "protocol", `it sent too many unacceptable messages, the last for "${reason}"`);
    else this.ports.link.drop(peer);
  }

  #hello(peer: string, message: Extract<ToCoordinator, { type: "hello" }>): void {
    const refuse = (text: string) =>
      this.ports.link.send(peer, { header: encode({ type: "refuse", code: "hello", message: text }) });
    if (message.protocol !== PROTOCOL)
      return refuse(
        `this coordinator speaks protocol ${PROTOCOL}, the worker ${message.protocol}; install the same cnn-dist on both`,
      );
    const member = this.roster.hello(peer, message, this.ports.clock.now());
    if (typeof member === "string") {
      this.#reject(peer, "sender");
      return refuse(member);
    }
    this.setState(member, "joining", message.host);
    const { recipe, pixelStatistics } = this.options.start;
    this.send(member, { type: "recipe", run: this.options.run, recipe, pixelStatistics });
  }

  #handle(member: Member, message: ToCoordinator, payload: Uint8Array | null): RejectReason | null {
    if (
      "run" in message &&
      (message.run !== this.options.run || message.rank !== member.rank || message.incarnation !== member.incarnation)
    )
      return "sender";
    switch (message.type) {
      case "progress":
        if (member.state === "joining" || member.state === "tracing") this.setState(member, "tracing", message.what);
        return null;
      case "heartbeat":
        member.tensors = message.tensors;
        member.tensorBytes = message.tensorBytes;
        this.emit({
          event: "heartbeat",
          rank: member.rank,
          timestamp: Date.now() / 1000,
          tensors: message.tensors,
          tensor_bytes: message.tensorBytes,
          rss_bytes: message.rssBytes,
        });
        return null;
      case "join":
        return this.#join(member, message, payload);
      case "failed":
        // A stranger's word never ends the run: what is wrong may be wrong on its machine alone.
        if (member.local && isCode(message.code) && !CODES[message.code].restartHelps) {
          this.fail(errorOf(message.code, message.message));
          return null;
        }
        this.#lose(member, "error", message.message);
        return null;
      case "bye":
        this.#lose(member, "exit", "it left");
        return null;
      default:
        return this.#work?.receive(member, message, payload) ?? (this.#work ? null : "stale");
    }
  }

  #join(member: Member, message: Join, payload: Uint8Array | null): RejectReason | null {
    if (member.state !== "joining" && member.state !== "tracing") return "schema";
    const reason = objection(
      {
        fingerprint: this.fingerprint,
        topologySha256: this.#topology,
        datasetSha256: this.options.expect.datasetSha256,
      },
      message,
    );
    if (reason !== null) {
      this.#refuse(member, "differs", reason);
      return null;
    }
    if (!this.#hasValues) {
      const values = initialValuesOf(message, payload);
      if (!values) return "payload";
      this.#hasValues = true;
      this.initialValues.resolve(values);
    }
    this.#topology = message.topologySha256;
    this.fingerprint ??= message.fingerprint;
    this.send(member, { type: "accept", run: this.options.run, rank: member.rank, incarnation: member.incarnation });
    this.setState(member, "ready");
    this.#work?.assign(this.roster.ready());
    this.#notify();
    return null;
  }

  #refuse(member: Member, code: string, text: string): void {
    this.send(member, { type: "refuse", code, message: text });
    this.roster.remove(member);
    this.#lastTrouble = { rank: member.rank, incarnation: member.incarnation, text: `refused: ${text}` };
    this.setState(member, "refused", text);
    this.reconsider();
  }

  /** A member is taken for dead: ended for certain first, then its work goes to the others. */
  #lose(member: Member, reason: LossReason, detail: string): void {
    this.#replace(member, reason, detail).catch((error: unknown) => this.#unexpected(error));
  }

  async #replace(member: Member, reason: LossReason, detail: string): Promise<void> {
    if (!this.roster.remove(member)) return;
    const { rank, incarnation } = member;
    const detectionSeconds = Math.max(0, this.ports.clock.now() - member.lastHeard) / 1000;
    this.send(member, { type: "evict", reason: detail.slice(0, 4096) });
    this.#lastTrouble = { rank, incarnation, text: detail };
    await this.ports.endWorker(rank, incarnation);
    if (this.#over) return; // the run ended meanwhile, and has had its last word
    const exit = this.#exits.get(`${rank}/${incarnation}`);
    const reassigned = this.#work?.lost(member) ?? 0;
    member.state = "lost";
    this.emit({
      event: "worker",
      rank,
      incarnation,
      state: "lost",
      pid: member.pid,
      device: member.device,
      detail: detail === CONNECTION_GONE && exit !== undefined ? exit : detail,
      reason,
      detection_seconds: detectionSeconds,
      reassigned,
    });
    this.#work?.assign(this.roster.ready());
    this.reconsider();
  }

  #tick(): void {
    const { clock } = this.ports;
    const now = clock.now();
    const suspended = wasSuspended(now - this.#lastTick);
    this.#lastTick = now;
    for (const member of this.roster.all()) {
      if (suspended) {
        member.lastHeard = now;
        if (member.owesSince !== null) member.owesSince = now;
        continue;
      }
      const late = overdue(member, now, this.options.placement);
      if (late) this.#lose(member, late.reason, late.detail);
    }
    for (const expected of this.roster.absent()) {
      if (suspended) expected.since = now;
      if (now - expected.since <= HELLO_TIMEOUT_SECONDS * 1000) continue;
      this.roster.forget(expected);
      // Its process is ended, and started again if that is still allowed.
      this.ports.endWorker(expected.rank, expected.incarnation).catch((error: unknown) => this.#unexpected(error));
    }
    this.#cancelTick = clock.after(TICK_MS, () => this.#tick());
  }

  #dismiss(reason: string): void {
    this.#over = true;
    for (const member of this.roster.all()) {
      this.send(member, { type: "stop", reason });
      this.roster.remove(member);
      this.setState(member, "stopped", reason);
    }
  }
}
