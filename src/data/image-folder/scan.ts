/** Which files a folder of images holds, and what of it their places say. Reads names only. */
import { existsSync, readdirSync, statSync } from "node:fs";
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
  leftOut: LeftOut;
}

/** What the classes' folders hold beside images. */
export interface LeftOut {
  /** Files that do not end in .jpg, .jpeg or .png. */
  files: number;
  folders: number;
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
    const { images, leftOut } = imagesOf(dir, "", classNames, classNames);
    return { classNames, train: images, test: null, testName: null, leftOut };
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
  const leftOut = {
    files: train.leftOut.files + test.leftOut.files,
    folders: train.leftOut.folders + test.leftOut.folders,
  };
  return { classNames, train: train.images, test: test.images, testName, leftOut };
}

function classesOf(dir: string, names: readonly string[]): string[] {
  const odd = names.find((name) => shown(name) !== name);
  if (odd !== undefined)
    throw new UsageError(
      "data-dir",
      `--data-dir ${dir}: the name of the class ${shown(odd)} holds a control character, such as the end of a line. Rename the folder.`,
    );
  if (names.length >= 2) return [...names];
  throw new UsageError(
    "data-dir",
    `--data-dir ${dir}: expected a folder for each class, at least two, received ${names.length === 0 ? "none" : `"${names[0]}" alone`}.`,
  );
}

function imagesOf(dir: string, prefix: string, folders: readonly string[], classNames: readonly string[]) {
  const images: FoundImage[] = [];
  const leftOut = { files: 0, folders: 0 };
  for (const folder of folders) {
    const label = classNames.indexOf(folder);
    const entries = entriesOf(join(dir, prefix, folder));
    const files = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
    const found = files.filter((name) => ENDING.test(name)).sort(byCode);
    const folders = entries.length - files.length;
    if (found.length === 0)
      throw new UsageError(
        "data-dir",
        `${join(dir, prefix, folder)} holds no .jpg, .jpeg or .png file. ${folders > 0 ? "It holds folders: is --data-dir the folder above the one that is meant?" : "Add some, or take the folder away."}`,
      );
    leftOut.files += files.length - found.length;
    leftOut.folders += folders;
    for (const name of found) images.push({ path: `${prefix}${folder}/${name}`, label });
  }
  return { images, leftOut };
}

function foldersIn(dir: string): string[] {
  return entriesOf(dir)
    .filter((entry) => entry.isDirectory() || (entry.isSymbolicLink() && isFolder(join(dir, entry.name))))
    .map(({ name }) => name)
    .sort(byCode);
}

/** A link to nothing, or to itself, is none. */
function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ELOOP") return false;
    throw unreadable(path, error);
  }
}

/** Without hidden ones. */
function entriesOf(dir: string) {
  const entries = read(dir).filter(({ name }) => !name.startsWith("."));
  const foreign = entries.find(({ name }) => name.includes(NOT_UTF8) && !existsSync(join(dir, name)));
  if (foreign === undefined) return entries;
  throw new UsageError("data-dir", `--data-dir: ${join(dir, shown(foreign.name))}: the name is not UTF-8. Rename it.`);
}

/** What Node puts in the place of bytes that are no UTF-8; no file is found by the name that results. */
const NOT_UTF8 = "\ufffd";

function read(dir: string) {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch (error) {
    throw unreadable(dir, error);
  }
}

function unreadable(path: string, error: unknown): UsageError {
  return new UsageError("data-dir", `--data-dir: ${path} cannot be read: ${messageOf(error)}`, { cause: error });
}

/** A name as messages have it: control characters would break the line, or command the terminal. */
export function shown(name: string): string {
  return /\p{Cc}/u.test(name) ? JSON.stringify(name) : name;
}

/** By code units: the same order in every locale. */
function byCode(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
