/** Which member holds which version of the weights, and what it must be sent. */

import type { Member } from "./roster.js";
import type { Weights } from "./workers.js";

interface Held {
  /** The version that it was sent whole; -1 for none. */
  version: number;
  /** Buckets of the version after that which were sent to it while the step ran. */
  ahead: number;
  /** The version whose moving average it was sent whole; -1 for none. */
  ema: number;
}

export class Versions {
  #held = new WeakMap<Member, Held>();
  readonly #send: (member: Member, weights: Weights, bucket: number) => boolean;

  /** `send` returns whether anything had to travel. */
  constructor(send: (member: Member, weights: Weights, bucket: number) => boolean) {
    this.#send = send;
  }

  #of(member: Member): Held {
    const held = this.#held.get(member) ?? { version: -1, ahead: 0, ema: -1 };
    this.#held.set(member, held);
    return held;
  }

  /** The run goes back: members hold versions that will be others. */
  forget(): void {
    this.#held = new WeakMap();
  }

  /** Sends the whole version unless the member holds it; returns whether it travels. */
  bringUpTo(member: Member, weights: Weights): boolean {
    const held = this.#of(member);
    if ((weights.kind === "ema" ? held.ema : held.version) === weights.version) return false;
    const travels = weights.buckets.map((bucket) => this.#send(member, weights, bucket)).includes(true);
    if (weights.kind === "ema") held.ema = weights.version;
    else {
      held.version = weights.version;
      held.ahead = 0;
    }
    return travels;
  }

  /** A bucket of the version after the one in force is final: who holds the one in force gets it now. */
  sendAhead(members: readonly Member[], next: Weights, bucket: number): void {
    for (const member of members) {
      const held = this.#of(member);
      if (held.version !== next.version - 1) continue;
      this.#send(member, next, bucket);
      held.ahead++;
    }
  }

  /** The step from `before` to the next version is committed. */
  committed(members: readonly Member[], before: Weights): void {
    for (const member of members) {
      const held = this.#of(member);
      if (held.version !== before.version) continue;
      // A spare got nothing ahead, and one that came in mid-step only the last buckets: they will get all of them.
      held.version = held.ahead === before.buckets.length ? before.version + 1 : -1;
      held.ahead = 0;
    }
  }
}
