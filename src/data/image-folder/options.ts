import { UsageError } from "../../errors.js";
import type { LoadOptions } from "../dataset.js";

export interface FolderOptions {
  /** Side of the square that images are stored as: the short side is resized to it, the centre cut out. */
  size: number;
  channels: 1 | 3;
  badImages: "refuse" | "skip";
  /** Share of each class that is kept for the test set; null where the folders say which images those are. */
  testShare: number | null;
}

const EXPECTED: Readonly<Record<keyof FolderOptions, string>> = {
  size: "a whole number from 1 to 4096",
  channels: "3 or 1",
  badImages: "refuse or skip",
  testShare: "a number between 0 and 1",
};

/** UsageError `dataset-option` for a name or a value that does not exist. */
export function folderOptions(given: LoadOptions["options"]): FolderOptions {
  for (const name of Object.keys(given))
    if (!Object.hasOwn(EXPECTED, name))
      throw new UsageError(
        "dataset-option",
        `dataset image-folder has no option "${name}"; it has ${Object.keys(EXPECTED).join(", ")}.`,
      );
  const { size = 256, channels = 3, badImages = "refuse", testShare = null } = given;
  const wrong = (name: keyof FolderOptions) =>
    new UsageError(
      "dataset-option",
      `dataset image-folder, option ${name}: expected ${EXPECTED[name]}, received ${JSON.stringify(given[name])}.`,
    );
  if (typeof size !== "number" || !Number.isInteger(size) || size < 1 || size > 4096) throw wrong("size");
  if (channels !== 1 && channels !== 3) throw wrong("channels");
  if (badImages !== "refuse" && badImages !== "skip") throw wrong("badImages");
  if (testShare !== null && (typeof testShare !== "number" || !(testShare > 0 && testShare < 1)))
    throw wrong("testShare");
  return { size, channels, badImages, testShare };
}
