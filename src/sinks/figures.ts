/** The figures in a run's events, under the names that every sink gives them. Pure. */
import type { RunEvent } from "../events.js";

export interface Figures {
  step: number;
  values: readonly (readonly [name: string, value: number])[];
}

/** Null for an event without figures. */
export function figuresOf(event: RunEvent): Figures | null {
  switch (event.event) {
    case "step": {
      const { step, loss, accuracy, lr, gradient_norm, samples_per_second } = event;
      return {
        step,
        values: [
          ["train/loss", loss],
          ["train/accuracy", accuracy],
          ["train/learning_rate", lr],
          ["train/gradient_norm", gradient_norm],
          ["train/images_per_second", samples_per_second],
        ],
      };
    }
    case "eval":
      return {
        step: event.step,
        values: [
          ["test/loss", event.loss],
          ["test/accuracy", event.accuracy],
        ],
      };
    default:
      return null;
  }
}
