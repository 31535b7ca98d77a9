import assert from "node:assert/strict";
import { test } from "node:test";
import { LOOKED } from "../../../src/evaluation/judge.js";
import type { RunEvent, WorkerEvent } from "../../../src/events.js";
import { confusionDrawing } from "../../../src/pictures/confusion.js";
import { filtersDrawing } from "../../../src/pictures/filters.js";
import { mistakesDrawing, samplesDrawing } from "../../../src/pictures/images.js";
import { activationsDrawing, gradcamDrawing } from "../../../src/pictures/insides.js";
import { deriveKey, integers } from "../../../src/random.js";
import { type ReportFacts, reportHtml } from "../../../src/report/report.js";
import { pageEvent } from "../../../src/web/state/page-event.js";
import { advance, emptyRunState } from "../../../src/web/state/run-state.js";
import { DONE, EVALUATION, PLAN, STEP } from "../../support/run-events.js";

const BEGUN = { ...PLAN, start_step: 0, resumed_from: null };
const FIRST = { ...STEP, step: 1 };
const happened = (incarnation: number, state: WorkerEvent["state"], more: Partial<WorkerEvent> = {}): WorkerEvent => ({
  event: "worker",
  rank: 1,
  incarnation,
  state,
  pid: 1,
  device: "cpu",
  ...more,
});

const drawing = (title: string) => ({ title, width: 10, height: 10, marks: [] });

function html(events: readonly RunEvent[], given: Partial<ReportFacts> = {}): string {
  const state = emptyRunState();
  events.forEach((event, at) => {
    const seen = pageEvent(event);
    if (seen) advance(state, [1000 + at, seen]);
  });
  return reportHtml({
    runDir: "/runs/<a>",
    state,
    usual: null,
    curves: drawing("curves"),
    pictures: { of: "Of step-00000002.", drawn: [], why: [] },
    classes: null,
    fingerprint: null,
    checkpoints: [],
    version: "9.9.9",
    now: new Date(0),
    ...given,
  });
}

test("it may fetch nothing, and nothing in it would", () => {
  const page = html([BEGUN, FIRST, DONE], { pictures: { of: "", drawn: [drawing("filters")], why: [] } });
  assert.match(
    page,
    /http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:;/,
  );
  assert.doesNotMatch(page, /<script|<link|<iframe|src=|url\(|@import/);
  for (const [, target = ""] of page.matchAll(/href="([^"]*)"/g)) assert.match(target, /^data:/);
});

test("words of a run are text, never markup", () => {
  const page = html([BEGUN, { event: "log", level: "warn", message: "<script>alert(1)</script>" }]);
  assert.match(page, /&lt;script&gt;alert/);
  assert.match(page, /\/runs\/&lt;a&gt;/);
  assert.doesNotMatch(page, /<script/);
});

test("what differs from the usual recipe is told with both values, but for the data's hash", () => {
  const event = BEGUN;
  const page = html([event], { usual: { ...event.recipe, lr: 0.5, datasetSha256: null } });
  assert.match(page, new RegExp(`<td><code>lr</code></td><td>${event.recipe.lr}</td><td>0.5</td>`));
  assert.doesNotMatch(page, /<code>datasetSha256<\/code><\/td><td>[^<]*<\/td><td>/);
  assert.match(html([event], { usual: event.recipe }), /is trained when nothing else is said\./);
});

test("deaths, and what they cost", () => {
  const why = { reason: "exit", detail: "ended by SIGKILL", detection_seconds: 0.25, reassigned: 2 } as const;
  const lost = happened(0, "lost", why);
  const page = html([BEGUN, happened(0, "working"), FIRST, lost, happened(1, "ready")]);
  assert.match(page, /1 worker was lost, and what each loss cost/);
  assert.match(page, /exit: ended by SIGKILL/);
  assert.match(page, /<td class="number">2<\/td>/);
  assert.match(html([BEGUN]), /No worker was lost\./);
});

test("evaluations, the hardest classes first, checkpoints and hashes", () => {
  const page = html([BEGUN, FIRST, { ...EVALUATION, step: 1 }, DONE], {
    classes: [
      { name: "easy", images: 4, hits: 4, accuracy: 1 },
      { name: "hard", images: 4, hits: 1, accuracy: 0.25 },
    ],
    checkpoints: [
      { step: 1, sizeBytes: 2000, path: "/runs/a/checkpoints/step-00000001", sha256: "ab12" },
      { step: 2, sizeBytes: 2000, path: "/runs/a/checkpoints/step-00000002", sha256: null },
    ],
  });
  assert.ok(page.indexOf("hard") < page.indexOf("easy"));
  assert.match(page, /\(best\)/);
  assert.match(page, /<code>ab12<\/code>/);
  assert.match(page, /1 more was written, and removed since/);
  assert.doesNotMatch(page, /<code>[^<]*step-00000002/);
  assert.match(page, new RegExp(DONE.weights_sha256!));
});

test("a run that never began, and one without pictures, say so", () => {
  const page = html([], { pictures: { of: "There are none:", drawn: [], why: ["there is no checkpoint"] } });
  assert.match(page, /There are none:/);
  assert.match(page, /there is no checkpoint/);
  assert.match(page, /The test set was not evaluated\./);
});

test("of photographs that cannot be compressed, and a thousand classes, it weighs less than 3 MB", () => {
  const shape = [224, 224, 3] as const;
  const bytes = integers(deriveKey(1, "noise"), 224 * 224 * 3).map((word) => word >>> 24);
  const pixels = Uint8Array.from(bytes);
  const classNames = Array.from({ length: 1000 }, (_, label) => `class ${label}`);
  const images = Array.from({ length: LOOKED }, () => ({
    pixels,
    label: 0,
    guesses: [{ label: 1, probability: 0.5 }],
  }));
  const noise = (length: number) => Float32Array.from({ length }, (_, at) => bytes[(at * 7) % bytes.length]!);
  const matrix = classNames.map((_, label) =>
    classNames.map((_, taken) => bytes[(label * 1000 + taken) % bytes.length]! >> 5),
  );
  const image = { pixels, shape, from: "noise.png", guess: { name: "noise", probability: 0.5 } };
  const sides = [224, 224, 112, 112, 56, 56, 28, 28, 14, 14, 7, 7];
  const layers = sides.map((side) => ({
    name: "conv",
    shape: [side, side, 64],
    shown: 16,
    values: noise(side * side * 16),
  }));
  const gallery = { shape, classNames, of: "images" };
  const drawn = [
    samplesDrawing(images, gallery),
    mistakesDrawing(images, gallery, { wrong: 9, images: 9 }),
    confusionDrawing({ classNames, matrix, of: "images" }),
    activationsDrawing(image, layers),
    gradcamDrawing(image, { layer: "conv", height: 7, width: 7, values: noise(49) }),
    filtersDrawing({ name: "conv1", shape: [11, 11, 3, 96], values: noise(11 * 11 * 3 * 96) }),
  ];
  const classes = classNames.map((name) => ({ name, images: 50, hits: 25, accuracy: 0.5 }));
  const { length } = html([BEGUN], { pictures: { of: "", drawn, why: [] }, classes });
  assert.ok(length > 2e6 && length < 3e6, `${length} bytes`);
});
