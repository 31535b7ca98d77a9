/** Members are admitted, heard and taken out here. Beside the roster, which keeps them, nothing else writes a `Member`. */
import { globalBatch } from "../data/order.js";
import { CnnDistError, CODES, errorOf, failureOf, isCode } from "../errors.js";
import { placeOf, type WorkerEvent } from "../events.js";
import { WIRE } from "../limits.js";
import type { RejectReason } from "../protocol/codec.js";
import type { Ended, ToCoordinator, ToWorker } from "../protocol/messages.js";
import { Agreement, type Gathered, type Join, protocolObjection } from "./admission.js";
import { Channel, type Exchanged } from "./channel.js";
import { CONNECTION_GONE, Departures } from "./departures.js";
import { type Incarnation, isOf } from "./incarnation.js";
import { Lookout } from "./lookout.js";
import { hearOf } from "./node-part.js";
import type { Duties, MembersOptions, MembersPorts } from "./ports.js";
import { Rejections } from "./rejections.js";
import { isPreparing, type Member, Roster } from "./roster.js";
import { heartbeatEvent, phaseTold } from "./signs-of-life.js";
import { type Details, eventsOf, recipeFor, workerEventOf } from "./told.js";

type LossReason = NonNullable<WorkerEvent["reason"]>;

export class Members {
  readonly #options: MembersOptions;
  readonly #ports: MembersPorts;
  readonly #duties: Duties;
  readonly #channel: Channel;
  readonly #roster: Roster;
  readonly #rejections: Rejections;
  readonly #departures = new Departures();
  readonly #agreement: Agreement;
  readonly #lookout: Lookout;
  /** All were told to leave; nothing may be said of them any more. */
  #over = false;

  constructor(options: MembersOptions, ports: MembersPorts, duties: Duties) {
    this.#options = options;
    this.#ports = ports;
    this.#duties = duties;
    this.#channel = new Channel(ports.link);
    const { start, workers, nodes } = options;
    this.#roster = new Roster(Math.max(globalBatch(start.recipe).shards, workers), { overNodes: nodes !== null });
    this.#agreement = new Agreement(options.expect, options.start.values);
    this.#rejections = new Rejections(this.#roster, {
      clock: ports.clock,
      emit: (event) => ports.emit(event),
      lose: (member, why) => this.#lose(member, "protocol", why),
      cut: (peer, ban) => this.#channel.cut(peer, ban),
    });
    this.#lookout = new Lookout(this.#roster, duties, options.placement, {
      clock: ports.clock,
      lose: (member, { reason, detail }) => this.#lose(member, reason, detail),
      // Its process is ended, and started again if that is still allowed.
      endAbsent: ({ rank, incarnation }) =>
        ports.endWorker(rank, incarnation).catch((error: unknown) => this.#unexpected(error)),
    });
    ports.link.onMessage((peer, parts) => this.#guard(() => this.#receive(peer, parts)));
    ports.link.onGone((peer, why) => {
      const member = this.#roster.get(peer);
      if (member) this.#lose(member, "exit", why ?? CONNECTION_GONE);
    });
    ports.link.onRefused((reason, count) => ports.emit({ event: "rejected", reason, count }));
  }

  /** What training starts from, and what all that joined agree on; null before. */
  get gathered(): Gathered | null {
    return this.#agreement.gathered;
  }

  /** Those that joined, by rank. */
  ready(): Member[] {
    return this.#roster.ready();
  }

  all(): Member[] {
    return this.#roster.all();
  }

  /** Bytes of payload since the start, in all and of each node. */
  exchanged(): Exchanged {
    return this.#channel.exchanged();
  }

  send(member: Member, message: ToWorker, payload?: Float32Array): void {
    this.#channel.send(member.peer, message, payload);
    if (payload && member.node) this.#channel.countOf(member.node.number, "out", payload.byteLength);
  }

  setState(member: Member, state: Member["state"], detail?: string): void {
    if (member.state === state && detail === undefined) return;
    this.#announce(member, state, detail === undefined ? {} : { detail });
  }

  #announce(member: Member, state: Member["state"], details: Details): void {
    member.state = state;
    for (const event of eventsOf(member, state, details)) this.#ports.emit(event);
  }

  /** Only a hello with this token may take the rank. */
  expect(token: string, incarnation: Incarnation): void {
    this.#roster.expect(token, { ...incarnation, since: this.#ports.clock.now() });
  }

  /** The process of a local worker has ended: the quickest sign of death. */
  exited(worker: Incarnation, detail: string): void {
    this.#roster.forget(worker);
    const member = this.#roster.find(worker);
    if (member) return this.#lose(member, "exit", detail);
    this.#departures.exited(worker, detail);
    this.lookWhoIsLeft();
  }

  /** Of the workers that are gone, in words. */
  lastToGo(): string {
    return this.#departures.lastToGo((rank) => this.#ports.logTail(rank));
  }

  /** Without a worker, and none to come, the run fails. */
  lookWhoIsLeft(): void {
    if (this.#over) return;
    if (this.#roster.all().length === 0 && this.#ports.workersPossible() === 0) {
      const message = `no worker is left and none will be started again; ${this.lastToGo()}`;
      this.#duties.fail(new CnnDistError("no-workers", message));
    }
    this.#duties.changed();
  }

  /** Looks for silence every so often, until all are dismissed. */
  watch(): void {
    this.#lookout.watch();
  }

  /** Tells all to leave. */
  dismiss(reason: string, ended: Ended): void {
    this.#over = true;
    this.#lookout.end();
    for (const member of this.#roster.all()) {
      this.#channel.sendLast(member.peer, { type: "stop", reason, ended });
      this.#roster.remove(member);
      this.setState(member, "stopped", reason);
    }
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
    this.#duties.fail(failureOf(error, "the coordinator failed"));
  }

  #receive(peer: string, parts: readonly Uint8Array[]): void {
    // A worker that comes now is told to leave; nothing may be said after the run's last event.
    if (this.#over) return this.#channel.sendLast(peer, { type: "stop", reason: "the run is over" });
    const member = this.#roster.get(peer);
    const decoded = this.#channel.decode(parts, member ? WIRE.headerBytes : WIRE.helloBytes);
    if (!decoded.ok) return this.#rejections.reject(peer, decoded.reason);
    const { message, payload } = decoded;
    if (message.type === "hello") return this.#hello(peer, message);
    if (!member) {
      this.#rejections.reject(peer, "stale");
      return this.#channel.sendLast(peer, { type: "evict", reason: "this run does not know you (any more)" });
    }
    member.lastHeard = this.#ports.clock.now();
    if (payload && member.node) this.#channel.countOf(member.node.number, "in", payload.byteLength);
    const reason = this.#handle(member, message, payload);
    if (reason === null) this.#heardOf(member, message);
    this.#rejections.judge(member, message.type, parts[0]!.byteLength, reason);
  }

  /** What a message says of what its sender does. */
  #heardOf(member: Member, message: ToCoordinator): void {
    const phase = phaseTold(message);
    if (phase === null || (phase === member.phase && message.type !== "progress")) return;
    member.phase = phase;
    member.phaseSince = member.lastHeard;
  }

  #hello(peer: string, message: Extract<ToCoordinator, { type: "hello" }>): void {
    const refuse = (text: string) => this.#channel.sendLast(peer, { type: "refuse", code: "hello", message: text });
    const stranger = protocolObjection(message.protocol);
    if (stranger !== null) return refuse(stranger);
    const former = message.node && this.#roster.node(message.node.rank);
    if (former) this.#lose(former, "exit", `another process came as node ${message.node!.rank}`);
    const member = this.#roster.hello(peer, message, this.#ports.clock.now(), this.#options.exchange);
    if (typeof member === "string") {
      this.#rejections.reject(peer, "sender");
      return refuse(member);
    }
    this.setState(member, "joining", message.host);
    this.send(member, recipeFor(member, this.#options, this.#agreement.layout));
  }

  #handle(member: Member, message: ToCoordinator, payload: Uint8Array | null): RejectReason | null {
    if ("run" in message && !(message.run === this.#options.run && isOf(member, message))) return "sender";
    switch (message.type) {
      case "progress":
        if (isPreparing(member)) this.setState(member, "tracing", message.what);
        return null;
      case "heartbeat":
        this.#heartbeats(member, [{ ...message, rank: member.rank }]);
        return null;
      case "heartbeats":
        if (!member.node) return "sender";
        this.#heartbeats(member, message.workers);
        return null;
      case "worker":
        return this.#hearOfWorker(member, message);
      case "join":
        return this.#join(member, message, payload);
      case "failed":
        // A stranger's word never ends the run: what is wrong may be wrong on its machine alone.
        if (member.local && isCode(message.code) && !CODES[message.code].restartHelps)
          this.#duties.fail(errorOf(message.code, message.message));
        else this.#lose(member, "error", message.message);
        return null;
      case "bye":
        this.#lose(member, "exit", "it left");
        return null;
      default:
        return this.#duties.receive(member, message, payload);
    }
  }

  /** Of a worker its own, of a node those of its workers. */
  #heartbeats(member: Member, workers: Extract<ToCoordinator, { type: "heartbeats" }>["workers"]): void {
    member.tensors = workers.reduce((sum, { tensors }) => sum + tensors, 0);
    member.tensorBytes = workers.reduce((sum, { tensorBytes }) => sum + tensorBytes, 0);
    for (const worker of workers) this.#ports.emit(heartbeatEvent(worker));
  }

  #hearOfWorker({ node }: Member, message: Extract<ToCoordinator, { type: "worker" }>): RejectReason | null {
    const reason = node ? hearOf(node, message) : "sender";
    if (reason !== null) return reason;
    this.#roster.heardOf(message);
    this.#ports.emit(workerEventOf(node!.number, message));
    this.#duties.changed();
    return null;
  }

  #join(member: Member, message: Join, payload: Uint8Array | null): RejectReason | null {
    if (!isPreparing(member)) return "schema";
    const reason = this.#agreement.objection(message);
    if (reason !== null) {
      this.#refuse(member, "differs", reason);
      return null;
    }
    if (!this.#agreement.join(message, payload, this.#ports.layoutKnown)) return "payload";
    const { rank, incarnation, exchange } = member;
    this.send(member, { type: "accept", run: this.#options.run, rank, incarnation, exchange });
    member.phase = "waiting";
    this.setState(member, "ready");
    this.#duties.changed();
    return null;
  }

  #refuse(member: Member, code: string, text: string): void {
    this.#channel.sendLast(member.peer, { type: "refuse", code, message: text });
    this.#roster.remove(member);
    this.#departures.left(member, `refused: ${text}`);
    this.setState(member, "refused", text);
    this.lookWhoIsLeft();
  }

  /** A member is taken for dead. */
  #lose(member: Member, reason: LossReason, detail: string): void {
    this.#replace(member, reason, detail).catch((error: unknown) => this.#unexpected(error));
  }

  /** Ended for certain first; only then its work goes to the others. */
  async #replace(member: Member, reason: LossReason, seen: string): Promise<void> {
    if (!this.#roster.remove(member)) return;
    const detection_seconds = Math.max(0, this.#ports.clock.now() - member.lastHeard) / 1000;
    const { phase, device } = member;
    const step = phase === "joining" ? null : this.#duties.step();
    this.#channel.sendLast(member.peer, { type: "evict", reason: seen.slice(0, 4096) });
    this.#departures.left(member, seen, placeOf({ device, step, phase }));
    await this.#ports.endWorker(member.rank, member.incarnation);
    if (this.#over) return; // the run ended meanwhile: its last event was told
    const detail = this.#departures.causeOf(member, seen);
    const log = member.local ? this.#ports.logTail(member.rank).lines.join("\n") : "";
    const reassigned = this.#duties.lost(member);
    this.#announce(member, "lost", { detail, reason, detection_seconds, reassigned, step, phase, log });
    this.lookWhoIsLeft();
  }
}
