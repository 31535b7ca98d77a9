/** `cnn-dist export CHECKPOINT --format safetensors|tfjs|keras`. */
import { z } from "zod";
import { EXIT } from "../errors.js";
import { FORMATS } from "../export/export.js";
import { exportCheckpoint } from "../library/export.js";
import { bytes } from "../terminal/format.js";
import { controlOf } from "./terminal.js";
import { flag, path } from "./values.js";
import { work } from "./work.js";

export const command = work(
  { checkpoint: path, format: z.enum(FORMATS), output: path.optional(), best: flag, json: flag },
  async ({ checkpoint, json, ...options }, terminal) => {
    const result = await exportCheckpoint(checkpoint, { ...options, ...controlOf(terminal) });
    const { files, size_bytes, model, step } = result;
    const written = files.map((file) => `${file}\n`).join("");
    terminal.io.stdout.write(
      json ? `${JSON.stringify(result)}\n` : `${written}${bytes(size_bytes)}, ${model} of step ${step}\n`,
    );
    return EXIT.done;
  },
);
