/** `cnn-dist export CHECKPOINT --format safetensors|tfjs|keras`. */
import { basename, resolve } from "node:path";
import { findCheckpoint } from "../checkpoint/find.js";
import { EXIT, UsageError } from "../errors.js";
import { exportCheckpoint, FORMATS, type Format } from "../export/export.js";
import { nearest } from "../nearest.js";
import type { Args, Io } from "./command.js";
import { binaryBytes } from "./table.js";

const SUFFIX: Readonly<Record<Format, string>> = { safetensors: ".safetensors", tfjs: "-tfjs", keras: ".keras" };

export async function run(args: Args, io: Io): Promise<number> {
  const format = formatOf(args.format);
  const found = await findCheckpoint(args.checkpoint as string, { best: args.best === true });
  for (const { path, reason } of found.passedOver) io.stderr.write(`${path} was passed over: ${reason}\n`);
  const { recipe, step } = found.snapshot;
  const model = basename(recipe.model).replace(/\.(json|[cm]?js)$/, "");
  const output = resolve((args.output as string | undefined) ?? `${model}-step-${step}${SUFFIX[format]}`);
  if (format === "keras" && !output.endsWith(".keras"))
    throw new UsageError("export", `--output ${output}: Keras opens only files whose names end in .keras.`);
  const { files, sizeBytes } = await exportCheckpoint(found.snapshot, format, output);
  const facts = { checkpoint: found.path, format, output, files, size_bytes: sizeBytes };
  io.stdout.write(
    args.json === true
      ? `${JSON.stringify(facts)}\n`
      : `${files.map((file) => `${file}\n`).join("")}${binaryBytes(sizeBytes)}, ${recipe.model} of step ${step}\n`,
  );
  return EXIT.done;
}

function formatOf(given: unknown): Format {
  const known = FORMATS.find((format) => format === given);
  if (known) return known;
  throw new UsageError(
    "usage",
    given === undefined
      ? `export: --format is needed, one of ${FORMATS.join(", ")}`
      : `--format: expected one of ${FORMATS.join(", ")}, received "${String(given)}"${nearest(String(given), FORMATS)}`,
  );
}
