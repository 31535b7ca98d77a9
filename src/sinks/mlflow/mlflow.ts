/** A run's figures on an MLflow server, sent beside the training. */
import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { type Clock, within } from "../../clock.js";
import { MLFLOW } from "../../config/time-limits.js";
import { messageOf } from "../../errors.js";
import type { PlanEvent, RunEvent } from "../../events.js";
import { count } from "../../format.js";
import { figuresOf } from "../figures.js";
import { parametersOfRecipe } from "../plan-words.js";
import type { Sink, SinkContext } from "../sink.js";
import {
  BATCH,
  MAX_VALUE,
  type Metric,
  type MlflowClient,
  mlflowClient,
  type Named,
  parsed,
  Refused,
  type Status,
} from "./client.js";

/** Which run of the server a folder is. */
const FILE = "mlflow.json";
const fileSchema = z.strictObject({ url: z.string(), run_id: z.string().regex(/^[\w-]{1,64}$/) });
/** Figures that wait for a server that is slow or away; of more, the oldest are left out, and that is told once. */
const MAX_WAITING = 200_000;

type End = Extract<RunEvent, { event: "done" | "stopped" }>;

export interface MlflowOptions extends SinkContext {
  url: string;
  experiment: string;
  clock: Clock;
}

/** A token, or a user's name and password, as MLflow's own client takes them from the environment. */
export function openMlflow(options: MlflowOptions, env: NodeJS.ProcessEnv): Sink {
  const { MLFLOW_TRACKING_TOKEN: token, MLFLOW_TRACKING_USERNAME: user, MLFLOW_TRACKING_PASSWORD: password } = env;
  const basic = user === undefined ? null : Buffer.from(`${user}:${password ?? ""}`).toString("base64");
  const authorization = token ? `Bearer ${token}` : basic === null ? null : `Basic ${basic}`;
  const stopping = new AbortController();
  const client = mlflowClient(options.url, authorization === null ? {} : { authorization }, stopping.signal);
  return new MlflowSink(client, options, () => stopping.abort());
}

export class MlflowSink implements Sink {
  readonly #client: MlflowClient;
  readonly #options: MlflowOptions;
  readonly #giveUp: () => void;
  #plan: PlanEvent | null = null;
  /** Of a run that the server does not know yet. */
  #params: Named[] = [];
  #waiting: Metric[] = [];
  #runId: string | null = null;
  /** Of each metric, the last step that the server has. */
  #known = new Map<string, number>();
  #end: End | null = null;
  /** No more is sent: the server refuses, or the run waited long enough. */
  #over = false;
  #closing = false;
  #sending: Promise<void> | null = null;
  #wake: () => void = () => {};
  #told = new Set<string>();

  constructor(client: MlflowClient, options: MlflowOptions, giveUp: () => void) {
    this.#client = client;
    this.#options = options;
    this.#giveUp = giveUp;
  }

  observe(event: RunEvent): void {
    if (this.#over) return;
    if (event.event === "plan") {
      this.#plan = event;
      this.#sending = this.#send();
    }
    if (event.event === "done" || event.event === "stopped") this.#end = event;
    const figures = figuresOf(event);
    if (!figures) return;
    const timestamp = Math.round(this.#options.now());
    for (const [key, value] of figures.values) this.#waiting.push({ key, value, timestamp, step: figures.step });
    if (this.#waiting.length <= MAX_WAITING) return;
    this.#waiting = this.#waiting.slice(-MAX_WAITING);
    this.#tellOnce(`more than ${count(MAX_WAITING)} figures wait for it; the oldest are left out`);
  }

  /** One request at a time, some while apart, until the run ends and all is sent. */
  async #send(): Promise<void> {
    for (let failures = 0; !this.#over; ) {
      try {
        const last = this.#closing;
        await this.#sendWaiting();
        if (last) {
          await this.#sendEnd();
          return;
        }
        failures = 0;
      } catch (error) {
        this.#failed(error);
        failures++;
      }
      if (!this.#closing || failures > 0)
        await this.#pause(Math.min(MLFLOW.everyMs * 2 ** failures, MLFLOW.longestPauseMs));
    }
  }

  async #sendWaiting(): Promise<void> {
    this.#runId ??= await this.#open(this.#plan!);
    while (this.#params.length > 0) {
      await this.#client.log(this.#runId, { params: this.#params.slice(0, BATCH.params) });
      this.#params = this.#params.slice(BATCH.params);
    }
    while (this.#waiting.length > 0 && !this.#over) {
      const batch = this.#waiting.slice(0, BATCH.metrics);
      // A step that is done again, after a resume, has the same bits: what the server has is not sent twice.
      const metrics = batch.filter(({ key, step }) => step > (this.#known.get(key) ?? -1));
      if (metrics.length > 0) await this.#client.log(this.#runId, { metrics });
      for (const { key, step } of metrics) this.#known.set(key, step);
      const sent = new Set(batch);
      this.#waiting = this.#waiting.filter((metric) => !sent.has(metric));
    }
  }

  /** The run of an earlier life, if there is one, or a new one. */
  async #open(plan: PlanEvent): Promise<string> {
    const { url, experiment, runDir } = this.#options;
    const path = join(runDir, FILE);
    const before = fileSchema.safeParse(parsed(await readFile(path, "utf8").catch(() => "null"))).data;
    const known = before?.url === url ? await this.#client.lastSteps(before.run_id) : null;
    if (before && known) {
      this.#known = known;
      await this.#client.setStatus(before.run_id, "RUNNING", null);
      return before.run_id;
    }
    const tags = [
      { key: "mlflow.source.name", value: "cnn-dist" },
      { key: "recipe_sha256", value: plan.recipe_sha256 },
      { key: "run_dir", value: short(runDir) },
    ];
    const id = await this.#client.experiment(experiment);
    const runId = await this.#client.createRun(id, basename(runDir), Math.round(this.#options.now()), tags);
    await writeFile(path, `${JSON.stringify({ url, run_id: runId })}\n`).catch((error: unknown) => {
      this.#tellOnce(`a resume will be another run there, since ${path} cannot be written: ${messageOf(error)}`);
    });
    const values = Object.entries(parametersOfRecipe(plan));
    this.#params = values.map(([key, value]) => ({ key, value: short(String(value)) }));
    return runId;
  }

  async #sendEnd(): Promise<void> {
    const end = this.#end;
    const status: Status = end === null ? "FAILED" : end.event === "done" ? "FINISHED" : "KILLED";
    if (end?.weights_sha256)
      await this.#client.log(this.#runId!, { tags: [{ key: "weights_sha256", value: end.weights_sha256 }] });
    await this.#client.setStatus(this.#runId!, status, Math.round(this.#options.now()));
  }

  #failed(error: unknown): void {
    if (error instanceof Refused) this.#over = true;
    this.#tellOnce(`${messageOf(error)}${this.#over ? "; nothing more is sent" : "; it is tried again"}`);
  }

  #tellOnce(what: string): void {
    if (this.#told.has(what) || (this.#closing && this.#over)) return;
    this.#told.add(what);
    this.#options.onTrouble(`MLflow at ${this.#options.url}: ${what}`);
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
    this.#wake = () => {};
  }

  async close(): Promise<void> {
    if (!this.#sending) return;
    this.#closing = true;
    this.#wake();
    await within(this.#sending, MLFLOW.closeMs);
    if (this.#waiting.length > 0 && !this.#over)
      this.#tellOnce(`${count(this.#waiting.length)} figures could not be sent before the run's end`);
    this.#over = true;
    this.#giveUp();
    this.#wake();
    await this.#sending;
  }
}

function short(value: string): string {
  return value.slice(0, MAX_VALUE);
}
