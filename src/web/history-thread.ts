/** Reads a run's records in a thread of its own: of a long run they are large, and the training's thread has better to do. */
import { parentPort, workerData } from "node:worker_threads";
import { readHistory } from "./history.js";

const { path, bytes } = workerData as { path: string; bytes: number };
parentPort?.postMessage(readHistory(path, bytes));
