/** Chunks of the test set that a node was given, as work for its own workers. */

import type { Span } from "../data/order.js";
import type { EvaluationWork, Score, Weights } from "../membership/workers.js";

export class NodeEvaluation implements EvaluationWork<void> {
  readonly kind = "evaluation";
  readonly chunks: readonly Span[];
  readonly weights: Weights;
  readonly #scored: (chunk: Span, score: Score) => void;

  constructor(chunks: readonly Span[], weights: Weights, scored: (chunk: Span, score: Score) => void) {
    this.chunks = chunks;
    this.weights = weights;
    this.#scored = scored;
  }

  addScore(chunk: number, score: Score): void {
    this.#scored(this.chunks[chunk]!, score);
  }

  result(): void {}
}
