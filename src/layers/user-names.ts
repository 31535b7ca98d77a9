/**
 * Names that do not change from load to load. tfjs names a layer without a name by counting over the whole process
 * (dense_Dense3); here such layers are counted within their model (dense_1).
 */
import type * as tfjs from "@tensorflow/tfjs";

export interface StableNames {
  of(layer: tfjs.layers.Layer): string;
  /** The same value with every name that tfjs made up replaced, at any depth. */
  rename(value: unknown): unknown;
}

export function stableNames(model: tfjs.LayersModel): StableNames {
  const layers = [...allLayers(model)];
  const taken = new Set(layers.map(({ name }) => name).filter((name) => !isMadeUp(name)));
  const counts = new Map<string, number>();
  const names = new Map<string, string>([[model.name, "model"]]);
  for (const { name } of layers) {
    if (!isMadeUp(name) || names.has(name)) continue;
    const stem = stemOf(name);
    let count = counts.get(stem) ?? 0;
    do count++;
    while (taken.has(`${stem}_${count}`));
    counts.set(stem, count);
    names.set(name, `${stem}_${count}`);
  }
  const replace = (text: string) => {
    const [, base, rest] = /^(.*?)(_input)?$/.exec(text)!;
    const stable = names.get(text) ?? names.get(base!);
    if (stable === undefined) return text;
    return names.has(text) ? stable : `${stable}${rest ?? ""}`;
  };
  const rename = (value: unknown): unknown => {
    if (typeof value === "string") return replace(value);
    if (Array.isArray(value)) return value.map(rename);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, rename(each)]));
  };
  return { of: (layer) => names.get(layer.name) ?? layer.name, rename };
}

function* allLayers(model: tfjs.LayersModel): Generator<tfjs.layers.Layer> {
  for (const layer of model.layers) {
    yield layer;
    if ((layer as unknown as { layers?: unknown }).layers) yield* allLayers(layer as unknown as tfjs.LayersModel);
  }
}

/** conv2d_Conv2D1 and input_input1 of layers, input1 of tf.input, sequential_1 and functional1 of models. */
function isMadeUp(name: string): boolean {
  const [, snake, camel] = /^([a-z][a-z0-9_]*)_([A-Za-z]\w*?)\d+$/.exec(name) ?? [];
  const same = snake !== undefined && snake.replaceAll("_", "") === camel!.toLowerCase();
  return same || /^(sequential_|functional|model|container|input)\d+$/.test(name);
}

function stemOf(name: string): string {
  return /^([a-z][a-z0-9_]*)_[A-Za-z]\w*?\d+$/.exec(name)?.[1] ?? name.replace(/_?\d+$/, "");
}
