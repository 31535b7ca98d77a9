/** `cnn-dist evaluate RUN_OR_CHECKPOINT`: what a checkpoint knows of a test set. */
import { z } from "zod";
import { findCheckpoint } from "../checkpoint/find.js";
import type { Snapshot } from "../checkpoint/snapshot.js";
import type { Recipe } from "../config/recipe.js";
import type { Dataset } from "../data/dataset.js";
import { loadDataset } from "../data/datasets.js";
import { LateDecoder } from "../data/late-decoder.js";
import { EXIT, UsageError } from "../errors.js";
import { evaluate, type Protocol } from "../evaluation/evaluate.js";
import type { Scores } from "../evaluation/scores.js";
import { nameOf } from "../models/choice.js";
import { cacheDirectory } from "../paths.js";
import { percent } from "../terminal/format.js";
import { openInference } from "./inference.js";
import { columns } from "./table.js";
import type { Terminal } from "./terminal.js";
import { flag, pairs, path, placement, threads } from "./values.js";
import { work } from "./work.js";

/** Where the matrix still fits a terminal. */
const MATRIX_CLASSES = 20;

export const command = work(
  {
    checkpoint: path,
    best: flag,
    dataset: z.string().min(1).optional(),
    datasetOption: pairs,
    tenCrop: flag,
    dense: flag,
    device: placement.device,
    dataDir: placement.dataDir,
    threads,
    json: flag,
  },
  async (values, terminal) => {
    const { io, reporter, signal } = terminal;
    const protocol = protocolOf(values);
    const found = await findCheckpoint(values.checkpoint, { best: values.best });
    for (const { path: damaged, reason } of found.passedOver) reporter.note(`${damaged} was passed over: ${reason}`);
    const { snapshot } = found;
    const decoder = new LateDecoder();
    const dataset = await datasetOf(snapshot, values, terminal, decoder);
    const engine = await openInference(snapshot, values, terminal);
    decoder.use(engine);
    const scores = await evaluate(engine, snapshot, dataset, {
      protocol,
      signal,
      onProgress: (received, total) => reporter.progress({ what: "evaluating", received, total, unit: "images" }),
    });
    await engine.close();
    const facts = {
      checkpoint: found.path,
      model: nameOf(snapshot.recipe.model),
      step: snapshot.step,
      dataset: dataset.name,
      dataset_sha256: dataset.sha256,
      protocol,
    };
    reporter.close();
    io.stdout.write(values.json ? `${JSON.stringify({ ...facts, ...scores })}\n` : scoresText(facts, scores));
    return EXIT.done;
  },
);

function protocolOf({ tenCrop, dense }: { tenCrop: boolean; dense: boolean }): Protocol {
  if (tenCrop && dense)
    throw new UsageError("usage", "--ten-crop and --dense are two ways to evaluate; give one of them.");
  return tenCrop ? "ten-crop" : dense ? "dense" : "center";
}

interface Data {
  dataset?: string | undefined;
  datasetOption?: Recipe["datasetOptions"] | undefined;
  dataDir?: string | null | undefined;
}

/** The run's own data, which must be what it was; or those of `--dataset`, which may be any of the same classes. */
async function datasetOf(
  { recipe }: Snapshot,
  { dataset: name, datasetOption, dataDir }: Data,
  { io, reporter, signal }: Terminal,
  { decode }: LateDecoder,
): Promise<Dataset> {
  const own = name === undefined;
  if (own && datasetOption)
    throw new UsageError("usage", "--dataset-option goes with --dataset; without it the run's own data are read.");
  const known = own && recipe.datasetSha256 !== null ? recipe.datasetSha256 : null;
  const dataset = await loadDataset(name ?? recipe.dataset, {
    cacheDir: cacheDirectory(io.env),
    options: own ? recipe.datasetOptions : (datasetOption ?? {}),
    decode,
    signal,
    onProgress: (progress) => reporter.progress(progress),
    ...(dataDir == null ? {} : { dataDir }),
    ...(known === null ? {} : { sha256: known }),
  });
  if (known !== null && dataset.sha256 !== known)
    throw new UsageError(
      "data-differs",
      `the data set ${dataset.name} from ${dataset.source} is not the one of this run (SHA-256 ${dataset.sha256}, expected ${known}). Give the same data by --data-dir, or say by --dataset ${dataset.name} that others are meant.`,
    );
  return dataset;
}

const PROTOCOLS: Readonly<Record<Protocol, string>> = {
  center: "each image once",
  "ten-crop": "ten crops an image, their probabilities averaged",
  dense: "densely, the class map averaged",
};

function scoresText(
  facts: { checkpoint: string; model: string; step: number; dataset: string; protocol: Protocol },
  scores: Scores,
): string {
  const { images, loss, accuracy, top5, classes, confusion } = scores;
  const head = columns(
    [facts.model, `step ${facts.step}, ${facts.checkpoint}`],
    [
      ["data", `${images} test images of ${facts.dataset}, ${PROTOCOLS[facts.protocol]}`],
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
      String(each.images),
      String(each.hits),
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
      ...row.map((count) => (count === 0 ? "." : String(count))),
    ]),
    ["left", ...classes.map(() => "right" as const)],
  );
  return `rows: what an image shows; columns: what it was taken for\n${table}`;
}
