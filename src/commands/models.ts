/** `cnn-dist models`: the networks that can be named. */

import { EXIT } from "../errors.js";
import { count } from "../format.js";
import { summarize } from "../models/parameters.js";
import { buildModel, expectedOf, modelFacts, modelNames } from "../models/registry.js";
import { columns } from "./table.js";
import { flag } from "./values.js";
import { work } from "./work.js";

export const command = work({ json: flag }, async (values, { io }) => {
  io.stdout.write(modelList(values));
  return EXIT.done;
});

/** Each at its natural input; as text for people, or with `json` one object a line; ends in a newline. */
export function modelList({ json }: { json: boolean }): string {
  const rows = modelNames().map((name) => {
    const { about, natural, options } = modelFacts(name);
    const { trainable_parameters, multiply_adds } = summarize(buildModel(name, natural));
    const { input, classes } = natural;
    const taken = Object.fromEntries(
      Object.entries(options).map(([key, option]) => [key, { initial: option.initial, takes: expectedOf(option) }]),
    );
    return { name, about, input, classes, trainable_parameters, multiply_adds, options: taken };
  });
  if (json) return `${rows.map((row) => JSON.stringify(row)).join("\n")}\n`;
  const table = columns(
    ["model", "input", "classes", "parameters", "options", "about"],
    rows.map((row) => [
      row.name,
      row.input.join("x"),
      count(row.classes),
      count(row.trainable_parameters),
      Object.keys(row.options).join(" "),
      row.about,
    ]),
    ["left", "left", "right", "right", "left", "left"],
  );
  return `${table}\n\nEvery network takes every data set; 'cnn-dist summary MODEL --dataset NAME' shows what becomes of it, and what its options take\n(--model-option NAME=VALUE, where a network trains).\n`;
}
