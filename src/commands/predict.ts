/** `cnn-dist predict CHECKPOINT IMAGE...`: the classes of image files, with probabilities. */
import { z } from "zod";
import { EXIT } from "../errors.js";
import type { Prediction } from "../evaluation/predict.js";
import { percent } from "../format.js";
import { predict } from "../library/predict.js";
import { controlOf } from "./terminal.js";
import { flag, path, placement, threads, weights } from "./values.js";
import { work } from "./work.js";

export const command = work(
  {
    checkpoint: path,
    image: z.array(path).min(1),
    top: z
      .number()
      .int()
      .min(1)
      .max(2 ** 31 - 1)
      .optional(),
    best: flag,
    rawWeights: flag,
    ...weights,
    trustModel: flag,
    device: placement.device,
    dataDir: placement.dataDir,
    threads,
    json: flag,
  },
  async ({ checkpoint, image: images, modelOption, datasetOption, json, ...values }, terminal) => {
    const options = { ...values, modelOptions: modelOption, datasetOptions: datasetOption, ...controlOf(terminal) };
    for await (const prediction of predict(checkpoint, images, options)) {
      terminal.reporter.close();
      terminal.io.stdout.write(json ? `${JSON.stringify(prediction)}\n` : predictionText(prediction));
    }
    return EXIT.done;
  },
);

function predictionText({ image, classes }: Prediction): string {
  const lines = classes.map(({ name, probability }) => `  ${percent(probability).padStart(7)}  ${name}\n`);
  return `${image}\n${lines.join("")}`;
}
