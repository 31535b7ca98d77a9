/** The plan, as the person sees it before anything starts. Pure. */
import type { PlanEvent } from "../events.js";
import { bytes, count } from "./format.js";

export function planLines(plan: PlanEvent): [label: string, text: string][] {
  const { recipe } = plan;
  const steps = recipe.augmentation.map(({ step }) => step);
  const lengths =
    recipe.epochs === null
      ? `${count(plan.steps)} steps`
      : `${count(plan.epochs)} ${plan.epochs === 1 ? "epoch" : "epochs"} of ${count(plan.steps_per_epoch)} steps`;
  const spared = recipe.weightDecayExclude === "biasAndNorm" ? " (not of biases and normalisation)" : "";
  const extras = [
    recipe.lrScheduler === "constant" ? null : recipe.lrScheduler,
    recipe.lrWarmupEpochs ? `warm-up ${recipe.lrWarmupEpochs} epochs` : null,
    recipe.weightDecay ? `weight decay ${recipe.weightDecay}${spared}` : null,
    recipe.clipGradNorm ? `gradient norm at most ${recipe.clipGradNorm}` : null,
    recipe.labelSmoothing ? `label smoothing ${recipe.labelSmoothing}` : null,
    recipe.normalization === "channel" ? "normalised by channel" : null,
    recipe.precision === "fp32" ? null : recipe.precision,
  ].filter((extra) => extra !== null);
  const devices = [...new Set(plan.devices)].join(", ");
  const spare = Math.max(0, plan.workers - plan.shards);
  return [
    [
      "model",
      `${plan.model} · ${plan.parameters === 0 ? "parameters known once a worker has read it" : `${count(plan.parameters)} parameters`} · ${plan.input.join("x")} to ${plan.classes} classes`,
    ],
    [
      "data",
      `${plan.dataset.name} · ${count(plan.dataset.train)} training and ${count(plan.dataset.test)} test images · ${plan.dataset.source}`,
    ],
    ...(steps.length === 0 ? [] : [["augment", steps.join(", ")] as [string, string]]),
    [
      "training",
      `${lengths} · batch ${plan.batch_size} in ${plan.shards} shards · ${recipe.optimizer}, lr ${recipe.lr}${extras.map((extra) => `, ${extra}`).join("")} · seed ${recipe.seed}`,
    ],
    ...(plan.init_weights === null ? [] : [["start", startOf(plan.init_weights)] as [string, string]]),
    [
      "workers",
      `${plan.workers} on ${devices}, ${plan.threads} ${plan.threads === 1 ? "thread" : "threads"} each${plan.predicted_memory_bytes ? `, about ${bytes(plan.predicted_memory_bytes)} each` : ""}${spare > 0 ? ` · ${spare} of them as ${spare === 1 ? "a spare" : "spares"}: there are only ${plan.shards} shards` : ""}`,
    ],
    ["run", plan.run_dir],
    ...(plan.metrics_url === null ? [] : ([["metrics", plan.metrics_url]] as [string, string][])),
    ["recipe", plan.recipe_sha256],
    ...(plan.resumed_from === null
      ? []
      : ([["resumed", `from ${plan.resumed_from}, after step ${count(plan.start_step)}`]] as [string, string][])),
  ];
}

/** Parameters that are named before the rest are only counted. */
const NAMED = 4;

function startOf({ path, names, total, loaded, kept }: NonNullable<PlanEvent["init_weights"]>): string {
  const from = `${loaded} of ${total} tensors from ${path}${names === "torchvision" ? " (torchvision's names)" : ""}`;
  if (kept.length === 0) return from;
  const some = kept.slice(0, NAMED).map(({ name, reason }) => `${name} (${reason})`);
  const rest = kept.length > NAMED ? ` and ${kept.length - NAMED} more` : "";
  return `${from} · seeded as without the file: ${some.join(", ")}${rest}`;
}
