/** `cnn-dist report RUN_DIR`: a run as one HTML file. */
import { EXIT } from "../errors.js";
import { bytes } from "../format.js";
import { report } from "../library/report.js";
import { controlOf } from "./terminal.js";
import { flag, path, placement, threads } from "./values.js";
import { work } from "./work.js";

export const command = work(
  {
    runDir: path,
    output: path.optional(),
    best: flag,
    trustModel: flag,
    device: placement.device,
    dataDir: placement.dataDir,
    threads,
    json: flag,
  },
  async ({ runDir, json, ...values }, terminal) => {
    const result = await report(runDir, { ...values, ...controlOf(terminal) });
    terminal.reporter.close();
    terminal.io.stdout.write(json ? `${JSON.stringify(result)}\n` : `${result.output}\n${bytes(result.size_bytes)}\n`);
    return EXIT.done;
  },
);
