/** `cnn-dist export CHECKPOINT --format safetensors|tfjs|keras`. */
import { basename, resolve } from "node:path";
import { z } from "zod";
import { findCheckpoint } from "../checkpoint/find.js";
import { EXIT, UsageError } from "../errors.js";
import { exportCheckpoint, FORMATS, type Format } from "../export/export.js";
import { nameOf } from "../models/choice.js";
import { bytes } from "../terminal/format.js";
import { flag, path } from "./values.js";
import { work } from "./work.js";

const SUFFIX: Readonly<Record<Format, string>> = { safetensors: ".safetensors", tfjs: "-tfjs", keras: ".keras" };

export const command = work(
  { checkpoint: path, format: z.enum(FORMATS), output: path.optional(), best: flag, json: flag },
  async ({ checkpoint, format, output: given, best, json }, { io, reporter }) => {
    const found = await findCheckpoint(checkpoint, { best });
    for (const { path, reason } of found.passedOver) reporter.note(`${path} was passed over: ${reason}`);
    const { recipe, step } = found.snapshot;
    const model = basename(nameOf(recipe.model)).replace(/\.(json|[cm]?js)$/, "");
    const output = resolve(given ?? `${model}-step-${step}${SUFFIX[format]}`);
    if (format === "keras" && !output.endsWith(".keras"))
      throw new UsageError("export", `--output ${output}: Keras opens only files whose names end in .keras.`);
    const { files, sizeBytes } = await exportCheckpoint(found.snapshot, format, output);
    const facts = { checkpoint: found.path, format, output, files, size_bytes: sizeBytes };
    io.stdout.write(
      json
        ? `${JSON.stringify(facts)}\n`
        : `${files.map((file) => `${file}\n`).join("")}${bytes(sizeBytes)}, ${nameOf(recipe.model)} of step ${step}\n`,
    );
    return EXIT.done;
  },
);
