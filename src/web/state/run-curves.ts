/** What is drawn of a run beside others. */
import type { Curves } from "./curves.js";
import type { TestPoint } from "./run-state.js";

export interface RunCurves {
  name: string;
  stepsPerEpoch: number;
  curves: Curves;
  tests: TestPoint[];
}
