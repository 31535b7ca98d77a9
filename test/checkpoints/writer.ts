/**
 * Writes checkpoints until it is killed, or so many: each step twice, as a run does that evaluates after it has saved. Says of
 * each when it is on disk. Begins as a run does, which removes what a killed one left.
 */
import { CheckpointStore } from "../../src/checkpoint/store.js";
import { LAYOUTS, snapshotAt } from "./contents.js";

const [dir, most] = process.argv.slice(2) as [string, string];
const store = new CheckpointStore(dir, 2, { id: "writer", assertHeld() {} });
await store.sweep();
const first = (await store.isEmpty()) ? 1 : (await store.loadNewest()).snapshot.step + 1;
process.stdout.write("begun\n");
for (let step = first; step < first + Number(most); step++)
  for (const evaluated of [false, true]) {
    await store.save(snapshotAt(step, evaluated, LAYOUTS.large));
    process.stdout.write(`${step} ${evaluated}\n`);
  }
