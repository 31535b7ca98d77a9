/**
 * Writes data/fashion-mnist-subset: of each class the first 800 training and the first 200 test images of Fashion-MNIST,
 * in their original order, as gzipped IDX files. Run: node scripts/make-subset.mjs [FOLDER OF THE FOUR ORIGINAL FILES]
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { constants, gunzipSync, gzipSync } from "node:zlib";

const from = process.argv[2] ?? "/usr/share/datasets/fashion-mnist";
const to = fileURLToPath(new URL("../data/fashion-mnist-subset/", import.meta.url));
const IMAGE_BYTES = 28 * 28;
const CLASSES = 10;

function chosen(labels, each) {
  const seen = new Array(CLASSES).fill(0);
  const indices = [];
  for (const [index, label] of labels.entries()) if (seen[label]++ < each) indices.push(index);
  if (indices.length !== CLASSES * each) throw new Error(`${from}: fewer than ${each} images of some class`);
  return indices;
}

function header(magic, dims) {
  const bytes = Buffer.alloc(4 + 4 * dims.length);
  bytes.writeUInt32BE(magic, 0);
  for (const [axis, dim] of dims.entries()) bytes.writeUInt32BE(dim, 4 + 4 * axis);
  return bytes;
}

function write(name, parts) {
  writeFileSync(join(to, name), gzipSync(Buffer.concat(parts), { level: constants.Z_BEST_COMPRESSION, memLevel: 9 }));
}

for (const [prefix, each] of [
  ["train", 800],
  ["t10k", 200],
]) {
  const images = gunzipSync(readFileSync(join(from, `${prefix}-images-idx3-ubyte.gz`))).subarray(16);
  const labels = gunzipSync(readFileSync(join(from, `${prefix}-labels-idx1-ubyte.gz`))).subarray(8);
  const indices = chosen(labels, each);
  write(`${prefix}-images-idx3-ubyte.gz`, [
    header(0x803, [indices.length, 28, 28]),
    ...indices.map((index) => images.subarray(index * IMAGE_BYTES, (index + 1) * IMAGE_BYTES)),
  ]);
  write(`${prefix}-labels-idx1-ubyte.gz`, [
    header(0x801, [indices.length]),
    Buffer.from(indices.map((index) => labels[index])),
  ]);
}
