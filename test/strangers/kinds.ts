import type { WorkerKey } from "../../src/transport/keys.js";

export type AttackKind = "frames" | "handshakes" | "idle";

type Pair = Pick<WorkerKey, "public" | "secret">;

export interface Attack {
  host: string;
  wirePort: number;
  httpPort: number;
  count: number;
  /** For which those that stand idle come back when they are thrown out. */
  idleMs: number;
  seed: number;
  /** Of the coordinator, and of workers that it allows. */
  coordinator: string;
  allowed: readonly Pair[];
  revoked: Pair;
}

/** Messages that each allowed key sends: the last of them finds it cut off. */
export const MESSAGES_A_KEY = 20;
