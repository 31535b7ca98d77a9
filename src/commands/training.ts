/** What launch, resume and coordinator share: the library's options from the words, and a run at a terminal. */
import { EXIT } from "../errors.js";
import type { RunEvent } from "../events.js";
import type { TrainOptions } from "../library/options.js";
import { freeFolder } from "../run/free-folder.js";
import type { Terminal } from "./command.js";
import type { RecipeValues } from "./values.js";

/** Under the library's names, without what concerns the terminal alone. */
export function trainOptionsOf<T extends RecipeValues & { json: boolean; quiet: boolean }>({
  modelOption,
  datasetOption,
  augmentation,
  json: _json,
  quiet: _quiet,
  ...options
}: T) {
  return {
    ...options,
    modelOptions: modelOption,
    datasetOptions: datasetOption,
    augmentation: augmentation === "none" ? [] : undefined,
  } satisfies TrainOptions;
}

/** Waits for a run's folder, and says so. */
export const freeIn =
  ({ reporter, signal }: Terminal) =>
  (runDir: string): Promise<void> =>
    freeFolder(runDir, { signal, note: (text) => reporter.note(text) });

/** Shows a run's events; resolves with the exit code when it has ended. */
export async function show(events: AsyncIterable<RunEvent>, { reporter }: Terminal): Promise<number> {
  let stopped = false;
  for await (const event of events) {
    reporter.event(event);
    stopped = event.event === "stopped";
  }
  return stopped ? EXIT.stopped : EXIT.done;
}
