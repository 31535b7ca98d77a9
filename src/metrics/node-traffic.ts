/** What crossed the network for each node of a run, a step. Pure. */
import type { RunEvent } from "../events.js";

export class NodeTraffic {
  readonly #sums = new Map<string, { steps: number; in: number; out: number }>();

  observe(event: RunEvent): void {
    if (event.event !== "step") return;
    for (const [node, bytes] of Object.entries(event.node_bytes ?? {})) {
      const sum = this.#sums.get(node) ?? { steps: 0, in: 0, out: 0 };
      this.#sums.set(node, { steps: sum.steps + 1, in: sum.in + bytes.in, out: sum.out + bytes.out });
    }
  }

  /** Bytes, the mean over the steps since the node first had work; null: no other machine had any. */
  perStep(): Record<string, { in: number; out: number }> | null {
    if (this.#sums.size === 0) return null;
    const mean = (sum: number, steps: number) => Math.round(sum / steps);
    return Object.fromEntries(
      [...this.#sums].map(([node, { steps, ...sum }]) => [
        node,
        { in: mean(sum.in, steps), out: mean(sum.out, steps) },
      ]),
    );
  }
}
