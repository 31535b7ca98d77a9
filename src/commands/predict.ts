/** `cnn-dist predict CHECKPOINT IMAGE...`: the classes of image files, with probabilities. */
import { existsSync } from "node:fs";
import { findCheckpoint } from "../checkpoint/find.js";
import { EXIT, UsageError } from "../errors.js";
import { type Prediction, predict } from "../evaluation/predict.js";
import type { Args, Io } from "./command.js";
import { openInference } from "./inference.js";
import { atTerminal } from "./session.js";
import { percent } from "./table.js";

/** Classes that are shown unless `--top` says otherwise. */
const TOP = 5;

export async function run(args: Args, io: Io): Promise<number> {
  const images = (args.image as string[]).map(String);
  return atTerminal(
    `reading ${images.length} ${images.length === 1 ? "image" : "images"}`,
    args,
    io,
    async (session) => {
      const top = topOf(args.top);
      const missing = images.find((image) => !existsSync(image));
      if (missing !== undefined) throw new UsageError("image-file", `image ${missing}: it does not exist`);
      const { snapshot, passedOver } = await findCheckpoint(args.checkpoint as string, { best: args.best === true });
      for (const { path, reason } of passedOver) session.reporter.note(`${path} was passed over: ${reason}`);
      const engine = await openInference(snapshot, args, io, session);
      session.reporter.close();
      for await (const prediction of predict(engine, snapshot, images, { top })) {
        session.signal.throwIfAborted();
        io.stdout.write(args.json === true ? `${JSON.stringify(prediction)}\n` : inWords(prediction));
      }
      await engine.close();
      return EXIT.done;
    },
  );
}

function topOf(given: unknown): number {
  if (given === undefined) return TOP;
  if (typeof given === "string" && /^[1-9]\d{0,5}$/.test(given)) return Number(given);
  throw new UsageError("usage", `--top: expected a whole number of 1 or more, received ${JSON.stringify(given)}`);
}

function inWords({ image, classes }: Prediction): string {
  const lines = classes.map(({ name, probability }) => `  ${percent(probability).padStart(7)}  ${name}\n`);
  return `${image}\n${lines.join("")}`;
}
