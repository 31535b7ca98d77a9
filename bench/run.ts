/**
 * `npm run bench [-- WORD …]`: tables of figures in Markdown, as bench/README.md holds them; without a word, all but those
 * that take minutes each. Ratios come from alternating runs. PyTorch is measured when CNN_DIST_BENCH_PYTHON names a Python that has it, TensorFlow's
 * pipeline when CNN_DIST_BENCH_TENSORFLOW_PYTHON does. Nothing else should run meanwhile.
 */
import { ensureTensorflow } from "../src/engine/install.js";
import { messageOf } from "../src/errors.js";
import { cacheDirectory } from "../src/paths.js";
import { heading } from "./heading.js";
import { type Bench, Runs, type Sitting } from "./sitting.js";
import { printLine } from "./table.js";
import { beside } from "./tables/beside.js";
import { captured } from "./tables/captured.js";
import { checkpoint } from "./tables/checkpoint.js";
import { data } from "./tables/data.js";
import { ddp } from "./tables/ddp.js";
import { decode } from "./tables/decode.js";
import { exactness } from "./tables/exactness.js";
import { frames } from "./tables/frames.js";
import { help } from "./tables/help.js";
import { memory } from "./tables/memory.js";
import { nodes } from "./tables/nodes.js";
import { overhead } from "./tables/overhead.js";
import { page } from "./tables/page.js";
import { prediction } from "./tables/prediction.js";
import { runs } from "./tables/runs.js";
import { runsPage } from "./tables/runs-page.js";
import { scale } from "./tables/scale.js";
import { step } from "./tables/step.js";
import { towers } from "./tables/towers.js";
import { trace } from "./tables/trace.js";

const BENCHES: Readonly<Record<string, Bench>> = {
  step,
  captured,
  trace,
  towers,
  data,
  decode,
  ddp,
  overhead,
  checkpoint,
  frames,
  exactness,
  scale,
  nodes,
  page,
  "runs-page": runsPage,
  prediction,
  memory,
  beside,
  help,
  runs,
};

/** Only when they are named. */
const LONG: ReadonlySet<string> = new Set(["checkpoint", "beside", "page", "runs-page", "runs"]);

const words = process.argv.slice(2);
const unknown = words.filter((word) => BENCHES[word] === undefined);
if (unknown.length > 0) {
  process.stderr.write(`no table is named ${unknown.join(", ")}; there are ${Object.keys(BENCHES).join(", ")}\n`);
  process.exit(2);
}
const tensorflow = await ensureTensorflow({ gpu: false, cacheDir: cacheDirectory() });
process.env.CNN_DIST_TENSORFLOW ??= tensorflow.dir;
const sitting: Sitting = {
  python: process.env.CNN_DIST_BENCH_PYTHON ?? null,
  tensorflowPython: process.env.CNN_DIST_BENCH_TENSORFLOW_PYTHON ?? null,
  runs: new Runs(),
};
printLine(await heading(sitting.python, tensorflow.version ?? tensorflow.dir));
for (const [name, bench] of Object.entries(BENCHES)) {
  if (words.length > 0 ? !words.includes(name) : LONG.has(name)) continue;
  const start = performance.now();
  try {
    await bench(sitting);
  } catch (error) {
    process.exitCode = 1;
    printLine(`${name}: not measured: ${messageOf(error)}`);
  }
  process.stderr.write(`${name}: ${((performance.now() - start) / 1000).toFixed(0)} s\n`);
}
