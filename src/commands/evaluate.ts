/** `cnn-dist evaluate RUN_OR_CHECKPOINT`: what a checkpoint knows of a test set. */
import { EXIT } from "../errors.js";
import type { Protocol } from "../evaluation/evaluate.js";
import type { Scores } from "../evaluation/scores.js";
import { count, percent, plural } from "../format.js";
import { type Evaluation, evaluate } from "../library/evaluate.js";
import { columns } from "./table.js";
import { controlOf } from "./terminal.js";
import { flag, path, placement, threads, weights } from "./values.js";
import { work } from "./work.js";

/** Where the matrix still fits a terminal. */
const MATRIX_CLASSES = 20;

export const command = work(
  {
    checkpoint: path,
    best: flag,
    rawWeights: flag,
    ...weights,
    trustModel: flag,
    tenCrop: flag,
    dense: flag,
    device: placement.device,
    dataDir: placement.dataDir,
    threads,
    json: flag,
  },
  async ({ checkpoint, modelOption, datasetOption, json, ...options }, terminal) => {
    const result = await evaluate(checkpoint, {
      ...options,
      modelOptions: modelOption,
      datasetOptions: datasetOption,
      ...controlOf(terminal),
    });
    terminal.reporter.close();
    terminal.io.stdout.write(json ? `${JSON.stringify(result)}\n` : scoresText(result));
    return EXIT.done;
  },
);

const PROTOCOLS: Readonly<Record<Protocol, string>> = {
  center: "each image once",
  "ten-crop": "ten crops an image, their probabilities averaged",
  dense: "densely, the class map averaged",
};

const averaged = ({ weights }: Evaluation) => (weights === "ema" ? ", moving average" : "");

function scoresText(evaluation: Evaluation): string {
  const { images, loss, accuracy, top5, classes, confusion } = evaluation;
  const head = columns(
    [evaluation.model, `step ${evaluation.step}${averaged(evaluation)}, ${evaluation.checkpoint}`],
    [
      ["data", `${plural(images, "test image")} of ${evaluation.dataset}, ${PROTOCOLS[evaluation.protocol]}`],
      ["loss", loss.toFixed(6)],
      ["top-1", percent(accuracy)],
      ...(top5 === null ? [] : [["top-5", percent(top5)]]),
    ],
    ["left", "left"],
  );
  const perClass = columns(
    ["class", "images", "right", "accuracy"],
    classes.map((each) => [
      each.name,
      count(each.images),
      count(each.hits),
      each.accuracy === null ? "" : percent(each.accuracy),
    ]),
    ["left", "right", "right", "right"],
  );
  return [head, perClass, ...(classes.length <= MATRIX_CLASSES ? [matrix(classes, confusion)] : [])]
    .join("\n\n")
    .concat("\n");
}

function matrix(classes: Scores["classes"], confusion: Scores["confusion"]): string {
  const table = columns(
    ["", ...classes.map((_, index) => String(index))],
    confusion.map((row, index) => [
      `${index} ${classes[index]!.name}`,
      ...row.map((images) => (images === 0 ? "." : String(images))),
    ]),
    ["left", ...classes.map(() => "right" as const)],
  );
  return `rows: what an image shows; columns: what it was taken for\n${table}`;
}
