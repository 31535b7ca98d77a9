/** What costs a training while it goes on: pictures, TensorBoard's files, an MLflow server. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { RunEvent } from "../../src/events.js";
import type { Sitting } from "../sitting.js";
import { alternate, median, ms, printTable } from "../table.js";

const ROUNDS = 3;
const BIN = fileURLToPath(new URL("../../../bin/cnn-dist.js", import.meta.url));
/** Four evaluations, and a second of training and more between them. */
const WORDS = ["--model", "lenet5", "--gpus", "2", "--device", "cpu", "--epochs", "4", "--json"];

export async function beside(_: Sitting): Promise<void> {
  const mlflow = await smallServer();
  try {
    const { plain, pictures, tensorboard, told } = await alternate(ROUNDS, {
      plain: () => stepMs([]),
      pictures: () => stepMs(["--pictures"]),
      tensorboard: () => stepMs(["--tensorboard"]),
      told: () => stepMs(["--mlflow", mlflow.url]),
    });
    const row = (name: string, times: readonly number[]) => [
      name,
      ms(times),
      `${(median(times) / median(plain)).toFixed(3)}`,
    ];
    printTable("Beside a training: a step of lenet5, 2 workers, mean of 4 epochs", [
      ["with", "a step", "times as long"],
      row("nothing", plain),
      row("--pictures", pictures),
      row("--tensorboard", tensorboard),
      row("--mlflow", told),
    ]);
  } finally {
    mlflow.close();
  }
}

/** Milliseconds: of all steps but the first ones, which are traced. */
async function stepMs(words: readonly string[]): Promise<number> {
  const scratch = mkdtempSync(join(tmpdir(), "cnn-dist-bench-"));
  try {
    const child = spawn(process.execPath, [BIN, "launch", ...WORDS, ...words, "--run-dir", join(scratch, "run")], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    const seconds: number[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      const event = JSON.parse(line) as RunEvent;
      if (event.event === "step" && event.step > 12) seconds.push(event.duration_seconds);
    }
    const code = await ended;
    if (code !== 0) throw new Error(`the training with ${words.join(" ") || "nothing"} ended with exit code ${code}`);
    return (1000 * seconds.reduce((sum, each) => sum + each, 0)) / seconds.length;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Answers as MLflow does, and keeps nothing: its own work is not what is measured. */
async function smallServer(): Promise<{ url: string; close(): void }> {
  const answer = JSON.stringify({
    experiment: { experiment_id: "0" },
    run: { info: { run_id: "bench" }, data: { metrics: [] } },
  });
  const server = createServer((request, response) => {
    request.resume().once("end", () => response.writeHead(200, { "content-type": "application/json" }).end(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}
