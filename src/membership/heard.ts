/** What each member has said of a step: everything once, but times, which a node may tell of each shard. Pure. */
import type { ToCoordinator } from "../protocol/messages.js";
import type { Member } from "./roster.js";

type OfStep = Extract<ToCoordinator, { type: "loss" | "bucket" | "finished" | "times" }>;

export function isOfStep(message: ToCoordinator): message is OfStep {
  return ["loss", "bucket", "finished", "times"].includes(message.type);
}

export class Heard {
  readonly #shards: number;
  readonly #counts = new Map<string, number>();

  /** `shards`: of the step. */
  constructor(shards: number) {
    this.#shards = shards;
  }

  isNew(member: Member, message: OfStep): boolean {
    return (this.#counts.get(keyOf(member, message)) ?? 0) < (message.type === "times" ? this.#shards : 1);
  }

  add(member: Member, message: OfStep): void {
    const key = keyOf(member, message);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }
}

function keyOf({ peer }: Member, message: OfStep): string {
  switch (message.type) {
    case "loss":
      return `${peer}/loss/${message.shard}`;
    case "times":
      return `${peer}/times/${message.worker}`;
    case "bucket":
      return `${peer}/bucket/${message.bucket}/${message.start}/${message.end}`;
    case "finished":
      return `${peer}/finished/${message.start}/${message.end}`;
  }
}
