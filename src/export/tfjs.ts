/** tfjs's layers format: model.json and one file of weights. Pure. */
import type { ExportGraph, ExportLayer } from "./graph.js";

export const WEIGHTS_FILE = "weights.bin";

/** The contents of model.json, and of weights.bin in pieces. */
export function tfjsModel(graph: ExportGraph, facts: Readonly<Record<string, unknown>>, generatedBy: string) {
  const inputName = uniqueInput(graph);
  const weights = graph.layers.flatMap((layer) =>
    layer.weights.map((weight) => ({ ...weight, name: `${layer.name}/${weight.name}` })),
  );
  const json = {
    format: "layers-model",
    generatedBy,
    convertedBy: null,
    modelTopology: {
      class_name: "Model",
      config: {
        name: graph.name,
        layers: [
          {
            class_name: "InputLayer",
            name: inputName,
            config: { batch_input_shape: [null, ...graph.input], dtype: "float32", sparse: false, name: inputName },
            inbound_nodes: [],
          },
          ...graph.layers.map((layer) => layerJson(layer, inputName)),
        ],
        input_layers: [[inputName, 0, 0]],
        output_layers: [[graph.output, 0, 0]],
      },
      keras_version: "tfjs-layers 4.22.0",
      backend: "tensor_flow.js",
    },
    weightsManifest: [
      { paths: [WEIGHTS_FILE], weights: weights.map(({ name, shape }) => ({ name, shape, dtype: "float32" })) },
    ],
    userDefinedMetadata: facts,
  };
  return { json, weights: weights.map(({ data }) => data) };
}

function layerJson({ name, className, config, inputs }: ExportLayer, inputName: string): object {
  return {
    class_name: className,
    name,
    config: { name, trainable: true, ...config },
    inbound_nodes: [inputs.map((input) => [input === "" ? inputName : input, 0, 0, {}])],
  };
}

/** "input", or a longer name where a layer has that one. */
export function uniqueInput({ layers }: ExportGraph): string {
  let name = "input";
  while (layers.some((layer) => layer.name === name)) name += "_image";
  return name;
}
