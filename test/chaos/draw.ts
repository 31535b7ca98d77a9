/** Which injection is made into which run, and when, as a function of seed and number alone. Pure. */
import { deriveKey, uniforms } from "../../src/random.js";
import { factsOf, KIND_NAMES, type Kind, type KindFacts } from "./kinds.js";

export const SCENES = ["shared memory", "frames", "tcp"] as const;
export type Scene = (typeof SCENES)[number];

export interface Injection {
  number: number;
  kind: Kind;
  scene: Scene;
  /** The n-th of the kind's points, from 1. */
  at: number;
  seconds: number;
}

/** Points that a run has at least, by what is counted; two workers share them where they are workers'. */
const POINTS: Readonly<Record<KindFacts["point"], number>> = {
  message: 90,
  progress: 3,
  assignment: 25,
  input: 40,
  compile: 2,
  compute: 40,
  bucket: 25,
  sent: 40,
  write: 30,
  step: 25,
};
/** The first of them, of kinds that need what is usual to be known. */
const LATE = 20;

/** Kinds come in turn, so that each comes as often; the rest is drawn. */
export function drawInjection(seed: number, number: number): Injection {
  const kind = KIND_NAMES[number % KIND_NAMES.length]!;
  const { point, lasts = [0, 0], late = false, tcp = false } = factsOf(kind);
  const u = uniforms(deriveKey(seed, "chaos", number), 3);
  const first = late && point === "message" ? LATE : 1;
  return {
    number,
    kind,
    scene: tcp ? "tcp" : u[0]! < 0.5 ? "shared memory" : "frames",
    at: first + Math.floor(u[1]! * (POINTS[point] - first + 1)),
    seconds: lasts[0] + u[2]! * (lasts[1] - lasts[0]),
  };
}
