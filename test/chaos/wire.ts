/** Messages that are lost, doubled, late or swapped on their way into and out of a socket. */
import type { Act } from "./kinds.js";

export class Wire {
  readonly #lateMs: number;
  /** Messages that came, or whose time has come. */
  readonly #ready: Buffer[][] = [];
  #coming: Promise<Buffer[]> | null = null;
  #held: Buffer[] | null = null;
  #wake = () => {};
  /** A socket takes one message at a time. */
  #sent: Promise<unknown> = Promise.resolve();
  #heldBack: (() => Promise<void>) | null = null;

  constructor(lateMs: number) {
    this.#lateMs = lateMs;
  }

  /** The next message, as the fate of each one has it. */
  async receive(next: () => Promise<Buffer[]>, fateOf: (parts: Buffer[]) => Act | null): Promise<Buffer[]> {
    for (;;) {
      const ready = this.#ready.shift();
      if (ready) return ready;
      this.#coming ??= next();
      const due = new Promise<null>((resolve) => {
        this.#wake = () => resolve(null);
      });
      const parts = await Promise.race([this.#coming, due]);
      if (parts === null) continue;
      this.#coming = null;
      this.#pass(parts, fateOf(parts));
    }
  }

  #pass(parts: Buffer[], fate: Act | null): void {
    if (fate === "swap") {
      this.#held = parts;
      return;
    }
    if (fate === "late") setTimeout(() => this.#due(parts), this.#lateMs);
    else if (fate !== "drop") this.#ready.push(parts);
    if (fate === "twice") this.#ready.push(parts.map((part) => Buffer.from(part)));
    if (!this.#held) return;
    this.#ready.push(this.#held);
    this.#held = null;
  }

  #due(parts: Buffer[]): void {
    this.#ready.push(parts);
    this.#wake();
  }

  send(now: () => Promise<void>, fate: Act | null): Promise<void> {
    if (fate === "drop") return Promise.resolve();
    if (fate === "swap") {
      this.#heldBack = now;
      return Promise.resolve();
    }
    if (fate === "late") {
      setTimeout(() => void this.#inTurn(now).catch(() => {}), this.#lateMs);
      return Promise.resolve();
    }
    const done = this.#inTurn(now);
    if (fate === "twice") void this.#inTurn(now).catch(() => {});
    if (this.#heldBack) void this.#inTurn(this.#heldBack).catch(() => {});
    this.#heldBack = null;
    return done;
  }

  #inTurn(send: () => Promise<void>): Promise<void> {
    const done = this.#sent.then(send);
    this.#sent = done.catch(() => {});
    return done;
  }
}
