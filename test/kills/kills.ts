/** Trials until enough processes were killed, two at a time: each has its own folders and waits for much. */
import { join } from "node:path";
import { drawTrial, SCENES, type Scene } from "./draw.js";
import { play, type Undisturbed, undisturbed } from "./play.js";

const LANES = 2;

/** Calls `print` with a line a kill; returns how many went wrong. `signal`: no more is begun. */
export async function killAtRandom(
  dir: string,
  { count, seed, signal }: { count: number; seed: number; signal?: AbortSignal },
  print: (line: string) => void,
): Promise<number> {
  const runs = {} as Record<Scene, Undisturbed>;
  for (const scene of SCENES) runs[scene] = await undisturbed(join(dir, scene), scene);
  if (runs["shared memory"].weights !== runs.frames.weights)
    throw new Error("undisturbed, frames end in other weights");
  const totals = {} as Record<Scene, Undisturbed["totals"]>;
  for (const scene of SCENES) {
    totals[scene] = runs[scene].totals;
    const { file, message, time } = totals[scene];
    print(`${scene}: ${file} changes to files, ${message} messages, ${Math.round(time)} ms`);
  }
  let [drawn, killed, failed] = [0, 0, 0];
  const lane = async () => {
    while (killed < count && !signal?.aborted) {
      const trial = drawTrial(seed, drawn++, totals);
      killed++;
      const row = await play(join(dir, `${trial.number}`), trial, runs[trial.scene].weights);
      if (signal?.aborted) return; // whoever stopped this may have stopped that run too
      if (row === null) {
        killed--; // it was over before its moment: another one is drawn
        continue;
      }
      if (row.problems.length > 0) failed++;
      print(`${String(trial.number).padStart(4)}  ${trial.scene.padEnd(13)}  ${row.killed}  ->  ${row.followed}`);
      for (const problem of row.problems) print(`      FAILED: ${problem}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return failed;
}
