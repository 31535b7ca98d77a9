/** A process that prints how many images a second an image-folder gives. Arguments: folder, passes. Only decoding is measured. */
import { loadDataset } from "../src/data/datasets.js";
import { LateDecoder } from "../src/data/late-decoder.js";
import { ShardLoader } from "../src/data/loader.js";
import { openEngine } from "../src/engine/open.js";
import { cacheDirectory } from "../src/paths.js";

const [dataDir = ".", passesText = "3"] = process.argv.slice(2);
const BATCH = 64;

const engine = openEngine({
  libraryDir: process.env.CNN_DIST_TENSORFLOW!,
  threads: 1,
  device: "cpu",
  precision: "fp32",
});
const decoder = new LateDecoder();
decoder.use(engine);
const { decode } = decoder;
const { train, shape } = await loadDataset("image-folder", {
  dataDir,
  cacheDir: cacheDirectory(),
  options: {},
  decode,
});
const loader = new ShardLoader(train, shape);
const batches = Math.floor(train.count / BATCH);
const indices = (batch: number) => Array.from({ length: BATCH }, (_, at) => (batch % batches) * BATCH + at);

let start = performance.now();
for (let batch = 0; batch < batches * (1 + Number(passesText)); batch++) {
  if (batch === batches) start = performance.now(); // the first pass fills the page cache
  const { release } = await loader.take(`${batch}`, indices(batch));
  loader.prepare(`${batch + 1}`, indices(batch + 1));
  release();
}
process.stdout.write(`${(batches * Number(passesText) * BATCH * 1000) / (performance.now() - start)}\n`);
process.exit(0);
