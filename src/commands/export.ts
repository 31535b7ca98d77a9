/** `cnn-dist export CHECKPOINT --format safetensors|tfjs|keras`. */
import { z } from "zod";
import { EXIT } from "../errors.js";
import { FORMATS, NAMES } from "../export/export.js";
import { bytes } from "../format.js";
import { exportCheckpoint } from "../library/export.js";
import { controlOf } from "./terminal.js";
import { flag, path, placement, weights } from "./values.js";
import { work } from "./work.js";

export const command = work(
  {
    checkpoint: path,
    format: z.enum(FORMATS),
    names: z.enum(NAMES).optional(),
    output: path.optional(),
    best: flag,
    rawWeights: flag,
    ...weights,
    dataDir: placement.dataDir,
    json: flag,
  },
  async ({ checkpoint, modelOption, datasetOption, json, ...values }, terminal) => {
    const options = { ...values, modelOptions: modelOption, datasetOptions: datasetOption, ...controlOf(terminal) };
    const result = await exportCheckpoint(checkpoint, options);
    const { files, size_bytes, model, step, weights } = result;
    const of = weights === "ema" ? "the moving average of step" : "step";
    const written = files.map((file) => `${file}\n`).join("");
    terminal.io.stdout.write(
      json ? `${JSON.stringify(result)}\n` : `${written}${bytes(size_bytes)}, ${model} of ${of} ${step}\n`,
    );
    return EXIT.done;
  },
);
