import { findCheckpoint } from "../checkpoint/find.js";
import type { Loaded } from "../checkpoint/store.js";
import type { CheckpointControl } from "./options.js";

/** The checkpoint that a path names, with a warning for each that was passed over. UsageError `no-checkpoint`. */
export async function openCheckpoint(
  path: string,
  { best = false }: { best?: boolean | undefined },
  { onWarning }: Pick<CheckpointControl, "onWarning">,
): Promise<Loaded> {
  const found = await findCheckpoint(path, { best });
  for (const { path: damaged, reason } of found.passedOver) onWarning?.(`${damaged} was passed over: ${reason}`);
  return found;
}
