/** Standard output and error that can no longer be written. */
import { EXIT } from "../errors.js";
import type { Io } from "./command.js";

export interface OutputWatch {
  /** From now on a reader that has gone (`| head`) stops the work, instead of ending the process as done. */
  onReaderGone(stop: (stream: "stdout" | "stderr") => void): void;
  /** Whether something of standard output, which carries results, could not be written though somebody reads it. */
  resultsLost(): boolean;
}

/** What cannot be written for another reason (a full disk, a terminal that is gone) is dropped, and told once elsewhere. */
export function watchOutput(io: Io): OutputWatch {
  let readerGone = (_stream: "stdout" | "stderr"): void => process.exit(EXIT.done);
  let lost = false;
  for (const [name, other] of [
    ["stdout", "stderr"],
    ["stderr", "stdout"],
  ] as const) {
    let told = false;
    io[name].on("error", (error: NodeJS.ErrnoException) => {
      if (told) return;
      told = true;
      lost ||= name === "stdout" && error.code !== "EPIPE";
      if (error.code === "EPIPE") readerGone(name);
      else if (other === "stderr") io.stderr.write(`cnn-dist: ${name} cannot be written any more: ${error.message}\n`);
    });
  }
  return {
    onReaderGone(stop) {
      readerGone = stop;
    },
    resultsLost: () => lost,
  };
}
