/** The sums of an evaluation: every image counts once, and no bit depends on who computed which chunk when. */
import type { Span } from "../../data/order.js";
import type { EvaluationWork, Score, Weights } from "../../membership/workers.js";

export class EvaluationSum implements EvaluationWork<Score> {
  readonly kind = "evaluation";
  readonly chunks: readonly Span[];
  readonly weights: Weights;
  readonly #scores = new Map<number, Score>();

  constructor(chunks: readonly Span[], weights: Weights) {
    this.chunks = chunks;
    this.weights = weights;
  }

  addScore(chunk: number, score: Score): void {
    this.#scores.set(chunk, score);
  }

  /** Sums over all images, added chunk by chunk in their order. */
  result(): Score {
    let loss = 0;
    let hits = 0;
    for (const [index, { start, end }] of this.chunks.entries()) {
      const score = this.#scores.get(index);
      if (!score) throw new Error(`the evaluation was called done without test images ${start} to ${end - 1}`);
      loss += score.loss;
      hits += score.hits;
    }
    return { loss, hits };
  }
}
