/** `cnn-dist picture RUN_OR_CHECKPOINT --what KIND`: what a network has learnt, as an image file. */
import { EXIT } from "../errors.js";
import { pictureSchema } from "../library/options.js";
import { picture } from "../library/picture.js";
import { controlOf } from "./terminal.js";
import { flag, path, placement, threads, weights } from "./values.js";
import { work } from "./work.js";

export const command = work(
  {
    checkpoint: path,
    what: pictureSchema.shape.what,
    image: path.optional(),
    output: path.optional(),
    best: flag,
    rawWeights: flag,
    ...weights,
    trustModel: flag,
    device: placement.device,
    dataDir: placement.dataDir,
    threads,
    json: flag,
  },
  async ({ checkpoint, modelOption, datasetOption, json, ...values }, terminal) => {
    const options = { ...values, modelOptions: modelOption, datasetOptions: datasetOption, ...controlOf(terminal) };
    const { png: _png, svg: _svg, ...told } = await picture(checkpoint, options);
    terminal.reporter.close();
    terminal.io.stdout.write(json ? `${JSON.stringify(told)}\n` : `${told.output}\n${told.title}\n`);
    return EXIT.done;
  },
);
