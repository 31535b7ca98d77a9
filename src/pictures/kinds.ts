import type { PictureKind } from "../events.js";

/** Of a checkpoint; curves are of a run. */
export const CHECKPOINT_PICTURES = ["filters", "samples", "mistakes", "confusion", "activations", "gradcam"] as const;
export type CheckpointPicture = (typeof CHECKPOINT_PICTURES)[number];
export const PICTURES = [...CHECKPOINT_PICTURES, "curves"] as const satisfies readonly PictureKind[];
