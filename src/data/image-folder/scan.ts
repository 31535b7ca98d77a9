/** Which files a folder of images holds, and what of it their places say. Reads names only. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { messageOf, UsageError } from "../../errors.js";

export interface FoundImage {
  /** From the data's folder on, with slashes. */
  path: string;
  label: number;
}

export interface FoundFolder {
  classNames: string[];
  /** Class by class, then by name: the same on every machine. */
  train: FoundImage[];
  /** Null where one folder holds both: they are still to be split. */
  test: FoundImage[] | null;
  /** Of the test set's folder. */
  testName: string | null;
  /** Files in the classes' folders that do not end in .jpg, .jpeg or .png. */
  others: number;
}

const ENDING = /\.(jpe?g|png)$/i;
/** The first that is there is the test set; ImageNet's "test" has no classes. */
const TEST_FOLDERS = ["val", "test"];

/**
 * DIR/train/CLASS/… with DIR/val or DIR/test beside it, or DIR/CLASS/…. UsageError `data-dir` where it is neither, for a
 * class without images, and for one that only the test set has.
 */
export function scanFolder(dir: string): FoundFolder {
  const top = foldersIn(dir);
  const nested = top.includes("train") && foldersIn(join(dir, "train")).length > 0;
  if (!nested) {
    const classNames = classesOf(dir, top);
    const { images, others } = imagesOf(dir, "", classNames, classNames);
    return { classNames, train: images, test: null, testName: null, others };
  }
  const testName = TEST_FOLDERS.find((name) => top.includes(name) && foldersIn(join(dir, name)).length > 0);
  if (testName === undefined)
    throw new UsageError(
      "data-dir",
      `--data-dir ${dir} has a folder "train" of classes, but none in ${TEST_FOLDERS.map((name) => `"${name}"`).join(" or ")}: there is nothing to evaluate on. Add it, or give the folder "train" itself to have it split.`,
    );
  const classNames = classesOf(join(dir, "train"), foldersIn(join(dir, "train")));
  const testClasses = foldersIn(join(dir, testName));
  const foreign = testClasses.find((name) => !classNames.includes(name));
  if (foreign !== undefined)
    throw new UsageError(
      "data-dir",
      `${join(dir, testName, foreign)} is a class that ${join(dir, "train")} does not have. Add it there, or take it away here.`,
    );
  const train = imagesOf(dir, "train/", classNames, classNames);
  const test = imagesOf(dir, `${testName}/`, testClasses, classNames);
  return { classNames, train: train.images, test: test.images, testName, others: train.others + test.others };
}

function classesOf(dir: string, names: readonly string[]): string[] {
  if (names.length >= 2) return [...names];
  throw new UsageError(
    "data-dir",
    `--data-dir ${dir}: expected a folder for each class, at least two, received ${names.length === 0 ? "none" : `"${names[0]}" alone`}.`,
  );
}

function imagesOf(dir: string, prefix: string, folders: readonly string[], classNames: readonly string[]) {
  const images: FoundImage[] = [];
  let others = 0;
  for (const folder of folders) {
    const label = classNames.indexOf(folder);
    const files = entriesOf(join(dir, prefix, folder)).map(({ name }) => name);
    const found = files.filter((name) => ENDING.test(name)).sort(byCode);
    if (found.length === 0)
      throw new UsageError(
        "data-dir",
        `${join(dir, prefix, folder)} holds no .jpg, .jpeg or .png file. Add some, or take the folder away.`,
      );
    others += files.length - found.length;
    for (const name of found) images.push({ path: `${prefix}${folder}/${name}`, label });
  }
  return { images, others };
}

function foldersIn(dir: string): string[] {
  return entriesOf(dir)
    .filter((entry) => entry.isDirectory() || (entry.isSymbolicLink() && isFolder(join(dir, entry.name))))
    .map(({ name }) => name)
    .sort(byCode);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Without hidden ones. */
function entriesOf(dir: string) {
  try {
    return readdirSync(dir, { withFileTypes: true }).filter(({ name }) => !name.startsWith("."));
  } catch (error) {
    throw new UsageError("data-dir", `--data-dir: ${dir} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** By code units: the same order in every locale. */
function byCode(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
