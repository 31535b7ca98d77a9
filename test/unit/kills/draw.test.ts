import assert from "node:assert/strict";
import { test } from "node:test";
import { drawTrial, SCENES } from "../../kills/draw.js";

const TOTALS = { file: 270, message: 80, time: 2500 };
const ALL = { "shared memory": TOTALS, frames: TOTALS, "own model": { file: 30, message: 7, time: 3000 } };
const drawn = (seed: number) => Array.from({ length: 1000 }, (_, number) => drawTrial(seed, number, ALL));

test("a seed names its kills", () => {
  assert.deepEqual(drawn(1), drawn(1));
  assert.notDeepEqual(drawn(1), drawn(2));
});

test("every scene, kind of moment, victim and next start is drawn, within what there is", () => {
  const trials = drawn(1);
  const share = (fits: (trial: (typeof trials)[number]) => boolean) => trials.filter(fits).length / trials.length;
  for (const scene of SCENES) assert.ok(share((trial) => trial.scene === scene) > 0.05, scene);
  for (const kind of ["file", "message", "time"]) assert.ok(share(({ moment }) => moment.kind === kind) > 0.2, kind);
  assert.ok(Math.abs(share(({ victim }) => victim === "coordinator") - 0.5) < 0.1);
  assert.ok(Math.abs(share(({ next }) => next === "resume") - 0.5) < 0.1);
  assert.ok(Math.abs(share(({ again }) => again !== null) - 0.25) < 0.1);
  for (const { scene, moment, victim, again } of trials) {
    assert.ok(moment.at >= 1 && moment.at <= ALL[scene][moment.kind]);
    assert.ok(again === null || (again.at >= 1 && again.at <= ALL[scene].file));
    assert.ok(victim === "coordinator" || (victim.share >= 0 && victim.share < 1));
  }
});
