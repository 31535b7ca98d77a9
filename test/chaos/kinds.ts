/** What is done to a run, and what must follow. */
import type { WorkerEvent } from "../../src/events.js";

type Reason = NonNullable<WorkerEvent["reason"]>;

/** What the tap does, and where: in a worker or in the coordinator, as it is about to pass a message on or to write. */
export type Act =
  | "kill"
  | "freeze"
  | "nap"
  | "busy"
  | "hang"
  | "crash"
  | "drop"
  | "twice"
  | "late"
  | "swap"
  | "full"
  | "cut"
  | "half-open";

export interface KindFacts {
  /** Whose process, or the link between two of them. */
  who: "worker" | "coordinator" | "link";
  act: Act;
  /** Counted up to the moment. */
  point: "message" | "progress" | "assignment" | "input" | "compile" | "compute" | "bucket" | "sent" | "write" | "step";
  /** How a lost worker may be noticed; none: nobody may be lost. */
  lost: readonly Reason[];
  /** Seconds that it lasts, from and to. */
  lasts?: readonly [number, number];
  /** Not before the usual time of a step is known. */
  late?: boolean;
  /** Only with workers over TCP. */
  tcp?: boolean;
  /** Its workers wait, and it is started again at once by the same words. */
  again?: boolean;
}

const ANY: readonly Reason[] = ["exit", "silence", "step-timeout", "error", "protocol"];
const END: readonly Reason[] = ["exit", "error"];

export const KINDS = {
  "worker killed": { who: "worker", act: "kill", point: "message", lost: END },
  "killed over TCP": { who: "worker", act: "kill", point: "message", lost: END, tcp: true },
  "killed as it joins": { who: "worker", act: "kill", point: "progress", lost: END },
  frozen: { who: "worker", act: "freeze", point: "message", lost: ["silence"] },
  "frozen for a moment": { who: "worker", act: "nap", point: "message", lost: [], lasts: [0.2, 2] },
  "event loop busy": { who: "worker", act: "busy", point: "message", lost: ["silence"], lasts: [8, 9] },
  "busy for a moment": { who: "worker", act: "busy", point: "message", lost: [], lasts: [0.2, 2] },
  "alive, no results": { who: "worker", act: "hang", point: "message", lost: ["step-timeout"], late: true },
  "crash as it joins": { who: "worker", act: "crash", point: "progress", lost: END },
  "crash as it waits": { who: "worker", act: "crash", point: "assignment", lost: END },
  "crash in input": { who: "worker", act: "crash", point: "input", lost: END },
  "crash in compiling": { who: "worker", act: "crash", point: "compile", lost: END },
  "crash in computing": { who: "worker", act: "crash", point: "compute", lost: END },
  "crash in writing": { who: "worker", act: "crash", point: "bucket", lost: END },
  "message dropped": { who: "coordinator", act: "drop", point: "message", lost: ANY, late: true },
  "answer dropped": { who: "coordinator", act: "drop", point: "sent", lost: ANY, late: true },
  "message late": { who: "coordinator", act: "late", point: "message", lost: [], lasts: [0.1, 3], late: true },
  "answer late": { who: "coordinator", act: "late", point: "sent", lost: ANY, lasts: [0.1, 3], late: true },
  "message twice": { who: "coordinator", act: "twice", point: "message", lost: [], late: true },
  "answer twice": { who: "coordinator", act: "twice", point: "sent", lost: [], late: true },
  "messages swapped": { who: "coordinator", act: "swap", point: "message", lost: [], late: true },
  "answers swapped": { who: "coordinator", act: "swap", point: "sent", lost: ANY, late: true },
  "link cut and healed": { who: "link", act: "cut", point: "step", lost: ["exit"], lasts: [0, 1.5], tcp: true },
  "link half-open": { who: "link", act: "half-open", point: "step", lost: ["silence"], lasts: [8, 9], tcp: true },
  "disk full": { who: "coordinator", act: "full", point: "write", lost: [], lasts: [0.05, 0.3] },
  "killed as it saves": { who: "coordinator", act: "kill", point: "write", lost: END },
  "coordinator killed": { who: "coordinator", act: "kill", point: "message", lost: END },
  "killed, workers wait": { who: "coordinator", act: "kill", point: "message", lost: [], tcp: true, again: true },
  "coordinator frozen": { who: "coordinator", act: "nap", point: "message", lost: [], lasts: [1, 7] },
} as const satisfies Record<string, KindFacts>;

export type Kind = keyof typeof KINDS;
export const KIND_NAMES = Object.keys(KINDS) as Kind[];

export function factsOf(kind: Kind): KindFacts {
  return KINDS[kind];
}
