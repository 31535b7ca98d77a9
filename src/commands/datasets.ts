/** `cnn-dist datasets`: what there is to train on, and where it would be read from. */
import type { LoadOptions } from "../data/dataset.js";
import { datasetFacts, datasetNames, findDataset } from "../data/datasets.js";
import { EXIT } from "../errors.js";
import { count, plural } from "../format.js";
import { cacheDirectory } from "../paths.js";
import { flag } from "./values.js";
import { work } from "./work.js";

export const command = work({ json: flag }, async ({ json }, { io }) => {
  io.stdout.write(datasetList({ json, cacheDir: cacheDirectory(io.env) }));
  return EXIT.done;
});

/** The list as text for people, or with `json` one object a line; ends in a newline. */
export function datasetList(options: { json: boolean } & Pick<LoadOptions, "cacheDir">): string {
  const rows = datasetNames().map((name) => ({ ...datasetFacts(name), ...findDataset(name, options) }));
  if (options.json) {
    const lines = rows.map(({ name, shape, classes, train, test, license, about, where, ready }) =>
      JSON.stringify({ name, shape, classes, train, test, license, about, where, ready }),
    );
    return `${lines.join("\n")}\n`;
  }
  return rows
    .map(({ name, shape, classes, train, test, license, about, where }) =>
      [
        name,
        `  ${about}`,
        classes === null || train === null || test === null
          ? `  ${shape.join("x")} unless options say otherwise, classes and images as the folders have them`
          : `  ${shape.join("x")}, ${plural(classes, "class", "classes")}, ${count(train)} training and ${plural(test, "test image")}`,
        `  licence: ${license}`,
        `  found:   ${where}`,
        "",
      ].join("\n"),
    )
    .join("\n");
}
