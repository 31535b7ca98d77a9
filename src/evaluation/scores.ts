/** From logits to what an evaluation reports. Pure, in float64. */
import { CnnDistError, UsageError } from "../errors.js";

/** Log-probabilities [count, classes] of logits [count, classes]; `rubbish` is the constant logit of one more class. */
export function logProbabilities(logits: Float32Array, classes: number, rubbish: number | null = null): Float64Array {
  const result = new Float64Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    const row = logits.subarray(start, start + classes);
    let largest = rubbish ?? Number.NEGATIVE_INFINITY;
    for (const logit of row) if (logit > largest) largest = logit;
    let sum = rubbish === null ? 0 : Math.exp(rubbish - largest);
    for (const logit of row) sum += Math.exp(logit - largest);
    const norm = largest + Math.log(sum);
    for (let index = 0; index < classes; index++) result[start + index] = row[index]! - norm;
  }
  return result;
}

/** The logarithm of the mean of several views' probabilities. */
export function averageViews(views: readonly Float64Array[]): Float64Array {
  return views[0]!.map((_, at) => {
    const largest = Math.max(...views.map((view) => view[at]!));
    if (largest === Number.NEGATIVE_INFINITY) return largest;
    return largest + Math.log(views.reduce((sum, view) => sum + Math.exp(view[at]! - largest), 0) / views.length);
  });
}

export interface Scores {
  images: number;
  /** Mean cross-entropy. */
  loss: number;
  /** Share of images whose most probable class is theirs. */
  accuracy: number;
  /** Share whose class is among the five most probable; null with five classes or fewer. */
  top5: number | null;
  classes: readonly ClassScore[];
  /** Images of class `row` that were taken for class `column`. */
  confusion: readonly (readonly number[])[];
}
export interface ClassScore {
  name: string;
  images: number;
  hits: number;
  /** Null when there is no image of the class. */
  accuracy: number | null;
}

/** Adds up images, each once. */
export class Tally {
  readonly #names: readonly string[];
  readonly #confusion: number[][];
  #loss = 0;
  #images = 0;
  #amongFive = 0;

  constructor(classNames: readonly string[]) {
    this.#names = classNames;
    this.#confusion = classNames.map(() => classNames.map(() => 0));
  }

  /** Log-probabilities [labels.length, classes]. CnnDistError `not-finite` when one is not a number. */
  add(scores: Float64Array, labels: ArrayLike<number>): void {
    const classes = this.#names.length;
    for (let index = 0; index < labels.length; index++) {
      const row = scores.subarray(index * classes, (index + 1) * classes);
      const label = labels[index]!;
      let best = 0;
      let before = 0; // classes that are more probable, or as probable and earlier, as argMax counts
      for (let other = 0; other < classes; other++) {
        const score = row[other]!;
        if (Number.isNaN(score))
          throw new CnnDistError(
            "not-finite",
            `image ${this.#images} of the test set: the network's output is not a number. The weights of this checkpoint are of no use; take an older one.`,
          );
        if (score > row[best]!) best = other;
        if (score > row[label]! || (score === row[label] && other < label)) before++;
      }
      this.#loss -= row[label]!;
      this.#images++;
      if (before < 5) this.#amongFive++;
      this.#confusion[label]![best]!++;
    }
  }

  /** UsageError `no-test-images` when nothing was added: a mean of nothing is no number. */
  scores(): Scores {
    if (this.#images === 0)
      throw new UsageError(
        "no-test-images",
        "the test set has no image, so there is nothing to evaluate. Give data that have some, by --dataset or --data-dir.",
      );
    const classes = this.#names.map((name, label): ClassScore => {
      const images = this.#confusion[label]!.reduce((sum, count) => sum + count, 0);
      const hits = this.#confusion[label]![label]!;
      return { name, images, hits, accuracy: images === 0 ? null : hits / images };
    });
    const hits = classes.reduce((sum, each) => sum + each.hits, 0);
    return {
      images: this.#images,
      loss: this.#loss / this.#images,
      accuracy: hits / this.#images,
      top5: this.#names.length > 5 ? this.#amongFive / this.#images : null,
      classes,
      confusion: this.#confusion,
    };
  }
}
