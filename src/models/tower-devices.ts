/** Whether a network can lie on so many devices. */
import { UsageError } from "../errors.js";
import { type ModelChoice, nameOf } from "./choice.js";
import { buildModel, modelFacts, modelNames } from "./registry.js";

export interface Towers {
  /** How the network is named to people. */
  model: string;
  towers: number;
}

export function towersOf(model: ModelChoice): Towers {
  if (model.kind === "file") return { model: nameOf(model), towers: 1 };
  const { name, options } = model;
  const { towers = 1 } = buildModel(name, { ...modelFacts(name).natural, options });
  const chosen = Object.entries(options).map(([option, value]) => `${option}=${value}`);
  return { model: chosen.length === 0 ? name : `${name} with ${chosen.join(", ")}`, towers };
}

/** Of the networks by name, those whose table names towers. */
function namesWithTowers(): string[] {
  return modelNames().filter((name) => towersOf({ kind: "table", name, options: {} }).towers > 1);
}

/** UsageError `towers`. */
export function assertDevices(devices: number, { model, towers }: Towers): void {
  if (devices === 1 || devices === towers) return;
  const option = `--devices-per-worker ${devices}`;
  if (towers > 1)
    throw new UsageError(
      "towers",
      `${option}: ${model} has ${towers} towers, one a device. Give --devices-per-worker ${towers}, or leave the option out for one device.`,
    );
  throw new UsageError(
    "towers",
    `${option}: ${model} has no towers, so one device holds all of it. Leave the option out, or use a network that has towers: ${namesWithTowers().join(", ")}.`,
  );
}
