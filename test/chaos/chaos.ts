/** Injections until enough were made, two at a time: each trial has folders of its own and waits for much. */
import { join } from "node:path";
import { drawInjection, SCENES, type Scene } from "./draw.js";
import type { Kind } from "./kinds.js";
import { play, type Row, undisturbed } from "./play.js";
import { detectionTable } from "./table.js";

const LANES = 2;

/** Calls `print` with a line an injection, then the table; returns how many went wrong. `signal`: no more is begun. */
export async function injectAtRandom(
  dir: string,
  { count, seed, only, signal }: { count: number; seed: number; only: string | null; signal: AbortSignal },
  print: (line: string) => void,
): Promise<number> {
  const expected = {} as Record<Scene, string>;
  for (const scene of SCENES) expected[scene] = await undisturbed(join(dir, scene), scene);
  if (new Set(Object.values(expected)).size > 1) throw new Error("undisturbed, the scenes end in different weights");
  print(`undisturbed, over ${SCENES.join(", ")}: ${expected.frames}`);
  const rows: { kind: Kind; row: Row }[] = [];
  let [drawn, begun] = [0, 0];
  const lane = async () => {
    while (begun < count && !signal.aborted) {
      const injection = drawInjection(seed, drawn++);
      const { number, kind, scene } = injection;
      if (only !== null && !kind.includes(only)) continue;
      begun++;
      const row = await play(join(dir, `${number}`), injection, expected[scene]);
      if (signal.aborted) return; // whoever stopped this may have stopped that run too
      if (row === null) {
        begun--; // it was over before its moment: another one is drawn
        continue;
      }
      rows.push({ kind, row });
      const { detection } = row;
      const noticed = detection ? `, noticed after ${detection.seconds.toFixed(2)} s (${detection.as})` : "";
      print(`${String(number).padStart(4)}  ${kind}, ${scene}, ${row.what}${noticed}  ->  ${row.followed}`);
      for (const problem of row.problems) print(`      FAILED: ${problem}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  print(`\n${detectionTable(rows)}\n`);
  return rows.filter(({ row }) => row.problems.length > 0).length;
}
