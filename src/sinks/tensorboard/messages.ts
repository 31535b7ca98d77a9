/**
 * Event files' messages, by their numbers in TensorBoard's proto files: event.proto, summary.proto, tensor.proto, graph.proto
 * and the hparams plugin's. Pure.
 */

import { inputsOf } from "../../models/shapes.js";
import type { ModelSpec } from "../../models/spec.js";
import type { Parameter } from "../plan-words.js";
import { bytes, double, encode, type Field, float, int, message, string } from "./wire.js";

/** At a wall time in seconds. */
type Event = (wallTime: number) => Uint8Array;

const event =
  (...fields: readonly Field[]): Event =>
  (wallTime) =>
    encode([[1, double(wallTime)], ...fields]);

/** The first of a file. */
export const version: Event = event([3, string("brain.Event:2")]);

/** What was written of steps from this one on is of a life that was cut off. SessionLog of status START. */
export const startAt = (step: number): Event => event([2, int(step)], [7, message([1, int(1)])]);

/** Summary values. */
export const scalars = (step: number, values: readonly (readonly [tag: string, value: number])[]): Event =>
  event(
    [2, int(step)],
    [5, message(...values.map(([tag, value]): Field => [1, message([1, string(tag)], [2, float(value)])]))],
  );

export interface PngImage {
  png: Uint8Array;
  width: number;
  height: number;
}

const RGB = 3;

export const image = (step: number, tag: string, { png, width, height }: PngImage): Event =>
  event(
    [2, int(step)],
    [
      5,
      message([
        1,
        message([1, string(tag)], [4, message([1, int(height)], [2, int(width)], [3, int(RGB)], [4, bytes(png)])]),
      ]),
    ],
  );

const DT_FLOAT = 1;
const DT_STRING = 7;
/** DATA_CLASS_TENSOR */
const TENSOR = 2;
const plugin = (name: string, content?: Uint8Array) =>
  message([1, message([1, string(name)], [2, content && bytes(content)])], [4, int(TENSOR)]);

/** Markdown, for the text plugin. */
export const text = (tag: string, markdown: string): Event =>
  event([
    5,
    message([
      1,
      message(
        [1, string(tag)],

        [8, message([1, int(DT_STRING)], [2, message()], [8, string(markdown)])],
        [9, plugin("text")],
      ),
    ]),
  ]);

/** A network's table as a GraphDef: a node a layer. */
export function graph(spec: ModelSpec): Event {
  const node = (name: string, op: string, inputs: readonly string[]): Field => [
    1,
    message([1, string(name)], [2, string(op)], ...inputs.map((input): Field => [3, string(input)])),
  ];
  const nodes = spec.layers.map((layer, at) =>
    node(
      layer.name,
      layer.kind,
      inputsOf(spec.layers, at).map((name) => name || INPUT),
    ),
  );
  return event([4, bytes(encode([node(INPUT, "Placeholder", []), ...nodes, [4, message([1, int(PRODUCER)])]]))]);
}
const INPUT = "input";
/** Of graphs by TensorFlow 2. */
const PRODUCER = 1000;

/** SessionStartInfo of the hparams plugin; `group` is one for runs of the same recipe. */
export function hyperparameters(
  values: Readonly<Record<string, Parameter>>,
  group: string,
  startSeconds: number,
): Event {
  const entries = Object.entries(values).map(
    ([name, value]): Field => [1, message([1, string(name)], [2, structValue(value)])],
  );
  return hparams("_hparams_/session_start_info", [
    3,
    message(...entries, [4, string(group)], [5, double(startSeconds)]),
  ]);
}

const SUCCESS = 1;

export function hyperparametersEnd(endSeconds: number): Event {
  return hparams("_hparams_/session_end_info", [4, message([1, int(SUCCESS)], [2, double(endSeconds)])]);
}

/** HParamsPluginData lies in the metadata; the tensor beside it has one dimension, of size 0. */
function hparams(tag: string, data: Field): Event {
  const empty = message([1, int(DT_FLOAT)], [2, message([2, message()])]);
  return event([5, message([1, message([1, string(tag)], [8, empty], [9, plugin("hparams", encode([data]))])])]);
}

/** google.protobuf.Value */
function structValue(value: Parameter) {
  if (typeof value === "number") return message([2, double(value)]);
  return typeof value === "boolean" ? message([4, int(value ? 1 : 0)]) : message([3, string(value)]);
}
