/** A checkpoint with all that its pictures need: its data, and TensorFlow in this process. */
import type { Snapshot } from "../checkpoint/snapshot.js";
import { LateDecoder } from "../data/late-decoder.js";
import { openStudio, type Studio } from "../evaluation/pictures.js";
import type { WeightsKind } from "../events.js";
import { openCheckpoint } from "./checkpoint.js";
import { datasetOf, datasetReader } from "./dataset.js";
import { openInference } from "./inference.js";
import type { PictureOptions } from "./options.js";
import { allowFound } from "./trust.js";

export interface OpenedStudio {
  studio: Studio;
  snapshot: Snapshot;
  /** The checkpoint's folder, or the file of weights. */
  path: string;
  weights: WeightsKind;
  close(): Promise<void>;
}

/** `image`: a file to look into the network with. Without `needsEngine` filters alone can be drawn; without `needsData` what needs no image of it. */
export async function studioOf(
  path: string,
  {
    best,
    rawWeights,
    trustModel,
    device,
    threads,
    dataDir,
    ...request
  }: Omit<PictureOptions, "what" | "output" | "image">,
  { image, needsEngine, needsData }: { image: string | null; needsEngine: boolean; needsData: boolean },
  options: Pick<PictureOptions, "signal" | "onProgress" | "onWarning">,
): Promise<OpenedStudio> {
  const { signal, onProgress } = options;
  const decoder = new LateDecoder();
  const read = datasetReader(dataDir, options, decoder.decode);
  const found = await openCheckpoint(path, { best, rawWeights, ...request }, { read, needsData }, options);
  const { snapshot, path: checkpoint, weights } = found;
  const opened = { snapshot, path: checkpoint, weights };
  const common = { image, most: null, ...(signal ? { signal } : {}) };
  if (!needsEngine)
    return { ...opened, studio: openStudio(null, snapshot, { ...common, dataset: null }), close: async () => {} };
  allowFound(snapshot.recipe.model, { trustModel });
  const dataset = needsData ? (found.dataset ?? (await datasetOf(snapshot.recipe, request, read))) : null;
  const { engine, close } = await openInference(snapshot, { device, threads }, options);
  decoder.use(engine);
  const told = (received: number, total: number) =>
    onProgress?.({ what: "looking at images", received, total, unit: "images" });
  return { ...opened, studio: openStudio(engine, snapshot, { ...common, dataset, onProgress: told }), close };
}
