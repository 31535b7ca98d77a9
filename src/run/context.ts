/** What a run is asked to do, and what its parts share. */
import type { Placement } from "../config/placement.js";
import type { Recipe } from "../config/recipe.js";
import type { RunEvent } from "../events.js";
import type { CoordinatorKeys } from "../transport/keys.js";
import type { CoordinatorLink } from "../transport/link.js";
import type { Closing } from "./closing.js";
import type { RunEvents } from "./run-events.js";

export interface StartOptions {
  recipe: Recipe;
  placement: Placement;
  /**
   * Go on with this run. `keepLength`: as long as the checkpoint's recipe says, not as `recipe` does (a resume may have
   * changed it). `allowDifferentEngine`: with a warning where TensorFlow, its settings or the processor are others.
   */
  resume?: { runDir: string; keepLength?: boolean; allowDifferentEngine?: boolean };
  /** Listen here for workers from elsewhere, who need keys, instead of starting local ones. */
  bind?: { endpoint: string; keys: () => CoordinatorKeys };
  /** The run is over several machines, of which this is the first: the others come to this address, and need keys. */
  nodes?: NodesOptions;
  /** Only plan: every check is made, the plan event comes, nothing is installed and no worker starts. */
  dryRun?: boolean;
  /** End as "stopped" after this step, whatever the recipe's length; schedules still follow the recipe. */
  stopAfterStep?: number;
  /** Aborting stops the run as a signal would: what is committed is saved. */
  signal?: AbortSignal;
  /** Called at once with every event, heartbeats included. */
  observe?: (event: RunEvent) => void;
  onProgress?: (progress: Progress) => void;
  env?: NodeJS.ProcessEnv;
}

export interface NodesOptions {
  /** Machines that the run begins with, this one included; others may come later. */
  count: number;
  /** Where the others look for the coordinator: HOST:PORT, as people write it. */
  meeting: string;
  /** Where it listens: tcp://ADDRESS:PORT. */
  endpoint: string;
  /** Asked once the run has its folder, where keys may lie as well. */
  keys: () => CoordinatorKeys;
}

/** Of bytes, or of what `unit` names. `total` is null where it is not known. */
export interface Progress {
  what: string;
  received: number;
  total: number | null;
  unit?: string;
}

/** What a run needs of the world beyond its folder and its processes. */
export interface RunServices {
  listen(endpoint: string, keys: CoordinatorKeys | null): Promise<CoordinatorLink>;
}

/** What the parts of a run share. */
export interface RunContext {
  options: StartOptions;
  services: RunServices;
  env: NodeJS.ProcessEnv;
  /** Aborted when the run has to stop; its reason says why. */
  signal: AbortSignal;
  events: RunEvents;
  closing: Closing;
}
