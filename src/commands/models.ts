/** `cnn-dist models`: the networks that can be named. */
import { summarize } from "../models/parameters.js";
import { buildModel, modelFacts, modelNames } from "../models/registry.js";
import { columns, grouped } from "./table.js";

/** Each at its natural input; as text for people, or with `json` one object a line; ends in a newline. */
export function modelList({ json }: { json: boolean }): string {
  const rows = modelNames().map((name) => {
    const { about, natural } = modelFacts(name);
    const { trainable_parameters, multiply_adds } = summarize(buildModel(name, natural));
    return { name, about, input: natural.input, classes: natural.classes, trainable_parameters, multiply_adds };
  });
  if (json) return `${rows.map((row) => JSON.stringify(row)).join("\n")}\n`;
  const table = columns(
    ["model", "input", "classes", "parameters", "about"],
    rows.map((row) => [
      row.name,
      row.input.join("x"),
      grouped(row.classes),
      grouped(row.trainable_parameters),
      row.about,
    ]),
    ["left", "left", "right", "right", "left"],
  );
  return `${table}\n\nEvery network takes every data set; 'cnn-dist summary MODEL --dataset NAME' shows what becomes of it.\n`;
}
