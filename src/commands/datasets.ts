/** `cnn-dist datasets`: what there is to train on, and where it would be read from. */
import type { LoadOptions } from "../data/dataset.js";
import { datasetFacts, datasetNames, findDataset } from "../data/datasets.js";

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
          : `  ${shape.join("x")}, ${classes} classes, ${thousands(train)} training and ${thousands(test)} test images`,
        `  licence: ${license}`,
        `  found:   ${where}`,
        "",
      ].join("\n"),
    )
    .join("\n");
}

function thousands(count: number): string {
  return count.toLocaleString("en");
}
