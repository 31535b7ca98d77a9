/** Something that passes on what happens in a run: to a file that another program shows, or to a server. docs/sinks.md */
import type { RunEvent } from "../events.js";

export interface Sink {
  /** Told of every event, from `plan` on. Returns at once and never throws: what takes time is done beside the training. */
  observe(event: RunEvent): void;
  /** After the last event. Waits for what is on its way, but not for ever. */
  close(): Promise<void>;
}

/** What a sink is given by its run. */
export interface SinkContext {
  runDir: string;
  /** Steps that were done before; what a sink knows of later ones is of a life that was cut off. */
  startStep: number;
  /** Unix time, milliseconds. */
  now: () => number;
  /** A warning, each once; the training goes on. */
  onTrouble: (message: string) => void;
}
