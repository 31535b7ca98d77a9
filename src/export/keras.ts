/** Keras 3's own archive: config.json, metadata.json, model.weights.h5. Pure. */
import type { ExportGraph, ExportLayer } from "./graph.js";
import { encodeHdf5, type Hdf5Node } from "./hdf5.js";
import { uniqueInput } from "./tfjs.js";
import { encodeZip } from "./zip.js";

/** The version whose layout of config and weights this is. */
const KERAS_VERSION = "3.10.0";

/** The archive in pieces. `facts` are kept in metadata.json under "cnn_dist". */
export function kerasArchive(graph: ExportGraph, facts: Readonly<Record<string, unknown>>): Uint8Array[] {
  const json = (value: unknown) => [new TextEncoder().encode(JSON.stringify(value))];
  return encodeZip([
    {
      name: "metadata.json",
      pieces: json({ keras_version: KERAS_VERSION, date_saved: "1980-01-01@00:00:00", cnn_dist: facts }),
    },
    { name: "config.json", pieces: json(functional(graph)) },
    {
      name: "model.weights.h5",
      pieces: encodeHdf5(
        group([
          ["layers", weightGroups(graph)],
          ["vars", group([])],
        ]),
      ),
    },
  ]);
}

/** The package of classes that Keras does not have, as their Python file registers them. */
export const PACKAGE = "cnn_dist";

function functional(graph: ExportGraph): object {
  const inputName = uniqueInput(graph);
  // Keras finds the tensor by its history, and asks only that there be a shape.
  const history = (name: string) => ({
    class_name: "__keras_tensor__",
    config: { shape: [null], dtype: "float32", keras_history: [name === "" ? inputName : name, 0, 0] },
  });
  const layer = ({ name, className, config, inputs }: ExportLayer) => {
    const custom = graph.custom.includes(className);
    return {
      module: custom ? "cnn_dist_layers" : "keras.layers",
      class_name: className,
      config: { name, trainable: true, dtype: "float32", ...config },
      registered_name: custom ? `${PACKAGE}>${className}` : null,
      name,
      inbound_nodes: [{ args: [inputs.length === 1 ? history(inputs[0]!) : inputs.map(history)], kwargs: {} }],
    };
  };
  return {
    module: "keras.src.models.functional",
    class_name: "Functional",
    config: {
      name: graph.name.replace(/\W/g, "_"),
      trainable: true,
      layers: [
        {
          module: "keras.layers",
          class_name: "InputLayer",
          config: { batch_shape: [null, ...graph.input], dtype: "float32", sparse: false, name: inputName },
          registered_name: null,
          name: inputName,
          inbound_nodes: [],
        },
        ...graph.layers.map(layer),
      ],
      input_layers: [inputName, 0, 0],
      output_layers: [graph.output, 0, 0],
    },
    registered_name: "Functional",
    build_config: { input_shape: null },
  };
}

/** Keras finds a layer's weights by its class's name in snake case and a count, in the order of its own list of layers. */
function weightGroups(graph: ExportGraph): Hdf5Node {
  const layers = inKerasOrder(graph);
  const counts = new Map<string, number>([["input_layer", 1]]);
  const groups = layers.map(({ className, weights }): [string, Hdf5Node] => {
    const base = snakeCase(className);
    const count = counts.get(base) ?? 0;
    counts.set(base, count + 1);
    const arrays = weights.map(({ shape, data }, index): [string, Hdf5Node] => [
      String(index),
      { kind: "array", shape, data },
    ]);
    return [count === 0 ? base : `${base}_${count}`, group([["vars", group(arrays)]])];
  });
  return group([["input_layer", group([["vars", group([])]])], ...groups]);
}

function group(members: readonly (readonly [string, Hdf5Node])[]): Hdf5Node & { kind: "group" } {
  return { kind: "group", members: new Map(members) };
}

/** As keras.src.utils.naming does it: Conv2D is conv2d, MaxPooling2D is max_pooling2d. */
function snakeCase(name: string): string {
  return name
    .replace(/\W+/g, "")
    .replace(/(.)([A-Z][a-z]+)/g, "$1_$2")
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
}

/**
 * A functional model lists its layers by depth, the longest way to the output, deepest first; those of one depth as a walk
 * from the output back to the input, depth first, first meets them (map_graph of keras.src.ops.function).
 */
function inKerasOrder({ layers, output }: ExportGraph): ExportLayer[] {
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const met = new Map<ExportLayer, number>();
  const visit = (name: string) => {
    const layer = byName.get(name);
    if (!layer || met.has(layer)) return;
    met.set(layer, met.size);
    layer.inputs.forEach(visit);
  };
  visit(output);
  const depths = new Map<string, number>([[output, 0]]);
  for (const { name, inputs } of layers.toReversed())
    for (const input of inputs) depths.set(input, Math.max(depths.get(input) ?? 0, depths.get(name)! + 1));
  return layers.toSorted((a, b) => depths.get(b.name)! - depths.get(a.name)! || met.get(a)! - met.get(b)!);
}
