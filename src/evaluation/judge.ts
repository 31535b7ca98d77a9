/** What a network takes images for: every one of them, some to look at, and the mistakes that it is surest of. */
import type { Confusion } from "../pictures/confusion.js";
import type { Judged } from "../pictures/images.js";
import { type Classified, classified, type Source } from "./classified.js";
import type { Classifier } from "./classifier.js";
import { type Scores, Tally } from "./scores.js";

export interface Judgement {
  images: number;
  wrong: number;
  classes: Scores["classes"];
  confusion: Confusion["matrix"];
  /** Evenly spaced. */
  samples: readonly Judged[];
  /** Most probable first; of equal ones, the earlier image. */
  mistakes: readonly Judged[];
}

/** Images to look at, of each kind. */
export const LOOKED = 24;
/** Classes named for each. */
const GUESSES = 3;

/** Every `indices` once. CnnDistError `not-finite` where the network's output is not a number. */
export async function judge(
  classify: Classifier["classify"],
  source: Source,
  classNames: readonly string[],
  {
    indices,
    signal,
    onProgress,
  }: { indices: readonly number[]; signal?: AbortSignal; onProgress?: (done: number, all: number) => void },
): Promise<Judgement> {
  const tally = new Tally(classNames);
  const looked = new Set(evenly(indices.length, LOOKED));
  const samples: Judged[] = [];
  let mistakes: Judged[] = [];
  for await (const chunk of classified(classify, source, indices, signal)) {
    tally.add(chunk.scores, chunk.labels);
    const first = chunk.done - chunk.labels.length;
    for (let at = 0; at < chunk.labels.length; at++) {
      if (looked.has(first + at)) samples.push(judged(chunk, at, classNames.length));
      const last = mistakes[LOOKED - 1]?.guesses[0]?.probability ?? 0;
      const { label, probability } = bestOf(chunk, at, classNames.length);
      if (label === chunk.labels[at] || probability <= last) continue;
      const place = mistakes.findIndex(({ guesses }) => guesses[0]!.probability < probability);
      mistakes.splice(place < 0 ? mistakes.length : place, 0, judged(chunk, at, classNames.length));
      mistakes = mistakes.slice(0, LOOKED);
    }
    onProgress?.(chunk.done, indices.length);
  }
  const { images, classes, confusion } = tally.scores();
  const right = classes.reduce((sum, { hits }) => sum + hits, 0);
  return { images, wrong: images - right, classes, confusion, samples, mistakes };
}

/** At most `most` numbers below `count`, as far from each other as they can be; all, where there are no more. */
export function evenly(count: number, most: number): number[] {
  const taken = Math.min(count, most);
  return Array.from({ length: taken }, (_, at) => Math.floor(((at + 0.5) * count) / taken));
}

function bestOf({ scores }: Classified, at: number, classes: number): { label: number; probability: number } {
  let best = at * classes;
  for (let place = best + 1; place < (at + 1) * classes; place++) if (scores[place]! > scores[best]!) best = place;
  return { label: best - at * classes, probability: Math.exp(scores[best]!) };
}

function judged({ pixels, labels, scores }: Classified, at: number, classes: number): Judged {
  const bytes = pixels.length / labels.length;
  const row = scores.subarray(at * classes, (at + 1) * classes);
  const order = Array.from(row.keys()).sort((a, b) => row[b]! - row[a]! || a - b);
  return {
    pixels: pixels.slice(at * bytes, (at + 1) * bytes),
    label: labels[at]!,
    guesses: order.slice(0, GUESSES).map((label) => ({ label, probability: Math.exp(row[label]!) })),
  };
}
