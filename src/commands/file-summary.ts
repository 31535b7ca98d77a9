/** `cnn-dist summary FILE`: the layers of a model of one's own, as TensorFlow builds them. */
import { findTensorflow } from "../engine/install.js";
import { UsageError } from "../errors.js";
import { bytes, count } from "../format.js";
import type { FileModel } from "../models/choice.js";
import type { ImageShape } from "../models/spec.js";
import { cacheDirectory } from "../paths.js";
import { readModel, type UserModelSummary } from "../run/model-reader.js";
import type { Terminal } from "./command.js";
import { columns } from "./table.js";

interface Shown {
  model: FileModel;
  input: ImageShape;
  classes: number;
  seed: number;
}

/** UsageError for a model that cannot be trained; `tensorflow-missing` where it cannot be built, since nothing is installed here. */
export async function fileSummary(shown: Shown, json: boolean, { io, signal }: Terminal): Promise<string> {
  const found = await findTensorflow({ gpu: false, cacheDir: cacheDirectory(io.env), env: io.env });
  if (!found)
    throw new UsageError(
      "tensorflow-missing",
      `summary of a file needs TensorFlow to build the model, and it is not on this machine yet. Run 'cnn-dist setup' first.`,
    );
  const summary = await readModel({ ...shown, libraryDir: found.dir }, signal);
  const { path, sha256 } = shown.model;
  const { input, classes } = shown;
  return json ? `${JSON.stringify({ model: path, sha256, input, classes, ...summary })}\n` : textOf(shown, summary);
}

function textOf({ model, input, classes }: Shown, summary: UserModelSummary): string {
  const { trainable_parameters: trainable, total_parameters: total } = summary;
  const state = total === trainable ? "" : `, ${count(total - trainable)} moving statistics`;
  const facts = columns(
    ["model", model.path],
    [
      ["SHA-256", model.sha256],
      ["input", `${input.join("x")}, ${count(classes)} classes`],
      ["parameters", `${count(trainable)} trainable${state} (${bytes(4 * total)})`],
    ],
    ["left", "left"],
  );
  const table = columns(
    ["layer", "kind", "output", "parameters"],
    summary.layers.map(({ name, kind, output, parameters }) => [
      name,
      kind,
      output.map((dim) => dim ?? "any").join("x"),
      parameters === 0 ? "" : count(parameters),
    ]),
    ["left", "left", "left", "right"],
  );
  return `${facts}\n\n${table}\n`;
}
