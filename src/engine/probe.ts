/** Run as a process by `doctor`: opens TensorFlow and multiplies two matrices on one device. Arguments: folder, device. */
import { openEngine } from "./open.js";

const [libraryDir = "", device = "cpu"] = process.argv.slice(2);
try {
  const { tf, info } = openEngine({
    libraryDir,
    threads: 1,
    device: device === "gpu" ? "gpu" : "cpu",
    precision: "fp32",
  });
  const values = tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2])).dataSync();
  if ([...values].join() !== "19,22,43,50")
    throw new Error(`a matrix product gave ${[...values].join()} instead of 19,22,43,50`);
  process.stdout.write(`TensorFlow ${info.tensorflow} multiplies correctly on the ${device}\n`);
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
