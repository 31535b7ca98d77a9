/** Which process of which run is killed when, as a function of seed and number alone. Pure. */
import { deriveKey, uniforms } from "../../src/random.js";
import { KINDS, type Moment, type Totals, type Victim } from "./moment.js";

/** The runs that are disturbed. `file`: with a model of the user's own, which a process of its own reads first. */
export const SCENES = ["shared memory", "frames", "own model"] as const;
export type Scene = (typeof SCENES)[number];

export interface Trial {
  number: number;
  scene: Scene;
  victim: Victim;
  moment: Moment;
  /** What is tried first after the kill; where it is refused, the other. */
  next: "resume" | "launch";
  /** When the coordinator of that next start is killed as well; mostly as it takes over what the first one left. */
  again: Moment | null;
}

/** The next start is killed too in one trial of four. */
const AGAIN = 1 / 4;
/** Own models take the longest to start: one trial in eight. */
const OWN_MODEL = 1 / 8;

/** `totals`: how many changes, messages and milliseconds a run of that scene has when nobody disturbs it. */
export function drawTrial(seed: number, number: number, totals: Readonly<Record<Scene, Totals>>): Trial {
  const u = uniforms(deriveKey(seed, "kill", number), 9);
  const scene = u[0]! < OWN_MODEL ? "own model" : u[1]! < 0.5 ? "shared memory" : "frames";
  const kind = KINDS[Math.floor(u[2]! * KINDS.length)]!;
  return {
    number,
    scene,
    moment: { kind, at: 1 + Math.floor(u[3]! * totals[scene][kind]) },
    victim: u[4]! < 0.5 ? "coordinator" : { share: u[5]! },
    next: u[6]! < 0.5 ? "resume" : "launch",
    again: u[7]! < AGAIN ? { kind: "file", at: 1 + Math.floor(u[8]! ** 3 * totals[scene].file) } : null,
  };
}
