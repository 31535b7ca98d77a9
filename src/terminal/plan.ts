/** The plan, as the person sees it before anything starts. Pure. */
import type { PlanEvent } from "../events.js";
import { bytes, count, plural } from "../format.js";

type Line = [label: string, text: string];

export function planLines(plan: PlanEvent): Line[] {
  const steps = plan.recipe.augmentation.map(({ step }) => step);
  const lines: (Line | null)[] = [
    plan.page_url === null ? null : ["page", plan.page_url],
    ["model", modelOf(plan)],
    ["data", dataOf(plan)],
    steps.length === 0 ? null : ["augment", steps.join(", ")],
    ["training", trainingOf(plan)],
    plan.init_weights && ["start", startOf(plan.init_weights)],
    ["workers", workersOf(plan)],
    plan.towers === undefined ? null : ["towers", towersOf(plan.towers)],
    ...predictionOf(plan),
    ["run", plan.run_dir],
    plan.metrics_url === null ? null : ["metrics", plan.metrics_url],
    ["recipe", plan.recipe_sha256],
    plan.resumed_from === null ? null : ["resumed", `from ${plan.resumed_from}, after step ${count(plan.start_step)}`],
  ];
  return lines.filter((line) => line !== null);
}

function modelOf({ model, parameters, input, classes, recipe }: PlanEvent): string {
  const options = Object.entries(recipe.modelOptions).map(([name, value]) => `${name}=${value}`);
  const size = parameters === null ? "parameters known once a worker has read it" : plural(parameters, "parameter");
  return `${model}${options.length === 0 ? "" : ` (${options.join(", ")})`} · ${size} · ${input.join("x")} to ${plural(classes, "class", "classes")}`;
}

function dataOf({ dataset: { name, train, test, source } }: PlanEvent): string {
  return `${name} · ${count(train)} training and ${plural(test, "test image")} · ${source}`;
}

function trainingOf({ recipe, steps, epochs, steps_per_epoch, batch_size, shards }: PlanEvent): string {
  const length =
    recipe.epochs === null ? plural(steps, "step") : `${plural(epochs, "epoch")} of ${plural(steps_per_epoch, "step")}`;
  const spared = recipe.weightDecayExclude === "biasAndNorm" ? " (not of biases and normalisation)" : "";
  const extras = [
    recipe.lrScheduler === "constant" ? null : recipe.lrScheduler,
    recipe.lrWarmupEpochs ? `warm-up ${plural(recipe.lrWarmupEpochs, "epoch")}` : null,
    recipe.weightDecay ? `weight decay ${recipe.weightDecay}${spared}` : null,
    recipe.clipGradNorm ? `gradient norm at most ${recipe.clipGradNorm}` : null,
    recipe.ema ? `weights averaged, decay ${recipe.ema}` : null,
    recipe.labelSmoothing ? `label smoothing ${recipe.labelSmoothing}` : null,
    recipe.normalization === "channel" ? "normalised by channel" : null,
    recipe.precision === "fp32" ? null : recipe.precision,
  ].filter((extra) => extra !== null);
  const optimizer = [recipe.optimizer, `lr ${recipe.lr}`, ...extras].join(", ");
  const { batchSize, accumulate = 1 } = recipe;
  const batch =
    accumulate === 1 ? `batch ${batch_size}` : `${batchSize} images x ${accumulate} = ${count(batch_size)} a step`;
  return `${length} · ${batch} in ${plural(shards, "shard")} · ${optimizer} · seed ${recipe.seed}`;
}

function workersOf({
  workers,
  nodes,
  devices,
  threads,
  shards,
  towers,
  predicted_memory_bytes: memory,
}: PlanEvent): string {
  const spare = Math.max(0, workers - shards);
  const names = [...new Set(devices)].join(", ");
  const count =
    nodes === undefined ? workers : `${plural(nodes.count, "node")}, at ${nodes.endpoint}, of ${workers / nodes.count}`;
  const who = `${count} on ${towers === undefined ? "" : `${towers.devices.length} devices each: `}${names}`;
  const needs = memory === 0 ? "" : `, about ${bytes(memory)} each`;
  const spares = spare === 1 ? "a spare" : "spares";
  const idle = spare === 0 ? "" : ` · ${spare} of them as ${spares}: there are only ${plural(shards, "shard")}`;
  return `${who}, ${plural(threads, "thread")} ${towers === undefined ? "each" : "a device"}${needs}${idle}`;
}

function towersOf({ devices, crossings }: NonNullable<PlanEvent["towers"]>): string {
  const held = devices.map(
    ({ parameters, multiply_adds, activation_bytes }) =>
      `${plural(parameters, "parameter")}, ${count(multiply_adds)} multiply-adds, activations of ${bytes(activation_bytes)} an image`,
  );
  const each =
    new Set(held).size === 1 ? [`each device: ${held[0]}`] : held.map((text, device) => `device ${device}: ${text}`);
  const sum = (pass: "forward_bytes" | "backward_bytes") =>
    bytes(crossings.reduce((total, crossing) => total + crossing[pass], 0));
  return `${each.join(" · ")} · ${sum("forward_bytes")} cross forward, ${sum("backward_bytes")} backward`;
}

/** Of a dry run. docs/scaling.md says how it is reckoned. */
function predictionOf({ prediction, workers, nodes, shards }: PlanEvent): Line[] {
  if (prediction === null) return [];
  const { exchanged_bytes: size, exchange, exchange_seconds: beside, efficiency } = prediction;
  const { compute_seconds: compute, step_seconds: step, enough_compute_seconds: enough } = prediction;
  const inside = exchange === "frames" ? "in frames" : "through shared memory";
  const link = prediction.link_bytes_per_second;
  const others = nodes === undefined ? "" : ` and with ${plural(nodes.count - 1, "other node")}`;
  const way = `${inside}${others}${link === null ? "" : `, at an assumed ${(link * 8) / 1e9} Gbit/s`}`;
  const known =
    compute === null || step === null || efficiency === null
      ? `the exchange of ${bytes(size)} ${way} takes up to ${milliseconds(beside)} a step; how long computing takes is not known here`
      : `a step takes about ${milliseconds(step)}: computing ${milliseconds(compute)}, at an assumed rate, and ${milliseconds(beside)} beside it to exchange ${bytes(size)} ${way}`;
  const good =
    enough === null ? "" : ` · an efficiency of 90% needs at least ${milliseconds(enough)} of computing a shard`;
  const used = Math.min(workers, shards);
  const uses =
    efficiency === null
      ? good
      : ` · efficiency ${Math.round(100 * efficiency)}%: ${plural(used, "worker")} as fast as ${(used * efficiency).toFixed(1)} that ${used === 1 ? "exchanges" : "exchange"} nothing`;
  return [["predicted", known + uses]];
}

function milliseconds(seconds: number): string {
  const value = seconds * 1e3;
  return `${value >= 10 ? count(value) : value.toFixed(1)} ms`;
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
