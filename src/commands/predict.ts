/** `cnn-dist predict CHECKPOINT IMAGE...`: the classes of image files, with probabilities. */
import { existsSync } from "node:fs";
import { z } from "zod";
import { findCheckpoint } from "../checkpoint/find.js";
import { EXIT, UsageError } from "../errors.js";
import { type Prediction, predict } from "../evaluation/predict.js";
import { percent } from "../terminal/format.js";
import { openInference } from "./inference.js";
import { flag, path, placement, threads } from "./values.js";
import { work } from "./work.js";

/** Classes that are shown unless `--top` says otherwise. */
const TOP = 5;

export const command = work(
  {
    checkpoint: path,
    image: z.array(path).min(1),
    top: z
      .number()
      .int()
      .min(1)
      .max(2 ** 31 - 1)
      .default(TOP),
    best: flag,
    device: placement.device,
    threads,
    json: flag,
  },
  async ({ checkpoint, image: images, top, best, json, ...wish }, terminal) => {
    const { io, reporter, signal } = terminal;
    const missing = images.find((image) => !existsSync(image));
    if (missing !== undefined) throw new UsageError("image-file", `image ${missing}: it does not exist`);
    const { snapshot, passedOver } = await findCheckpoint(checkpoint, { best });
    for (const { path, reason } of passedOver) reporter.note(`${path} was passed over: ${reason}`);
    const engine = await openInference(snapshot, wish, terminal);
    reporter.close();
    for await (const prediction of predict(engine, snapshot, images, { top })) {
      signal.throwIfAborted();
      io.stdout.write(json ? `${JSON.stringify(prediction)}\n` : predictionText(prediction));
    }
    await engine.close();
    return EXIT.done;
  },
);

function predictionText({ image, classes }: Prediction): string {
  const lines = classes.map(({ name, probability }) => `  ${percent(probability).padStart(7)}  ${name}\n`);
  return `${image}\n${lines.join("")}`;
}
