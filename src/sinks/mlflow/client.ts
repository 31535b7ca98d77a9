/** The part of MLflow's REST API that a run needs (mlflow.org/docs/latest/api_reference/rest-api.html). */
import { z } from "zod";
import { MLFLOW } from "../../config/time-limits.js";
import { CnnDistError, messageOf } from "../../errors.js";

export interface Metric {
  key: string;
  value: number;
  /** Unix time, milliseconds. */
  timestamp: number;
  step: number;
}
export interface Named {
  key: string;
  value: string;
}
export type Status = "RUNNING" | "FINISHED" | "FAILED" | "KILLED";

export interface MlflowClient {
  /** The experiment's id; it is made where there is none of that name. */
  experiment(name: string): Promise<string>;
  createRun(experimentId: string, name: string, startTime: number, tags: readonly Named[]): Promise<string>;
  /** The last step of each metric that the server has; null: it has no such run. */
  lastSteps(runId: string): Promise<Map<string, number> | null>;
  log(
    runId: string,
    batch: { metrics?: readonly Metric[]; params?: readonly Named[]; tags?: readonly Named[] },
  ): Promise<void>;
  setStatus(runId: string, status: Status, endTime: number | null): Promise<void>;
}

/** What a server takes in one batch. */
export const BATCH = { metrics: 1000, params: 100 } as const;
/** Of a parameter or tag; older servers take no more. */
export const MAX_VALUE = 500;

/** The server said no: the same request would be refused again. */
export class Refused extends CnnDistError {
  readonly reason: string;

  constructor(message: string, reason: string) {
    super("output", message);
    this.reason = reason;
  }
}

/** The server cannot be reached, or is not well: the same request may succeed later. */
export class Unreachable extends CnnDistError {}

const errorSchema = z.object({ error_code: z.string(), message: z.string().optional() });
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

export function mlflowClient(
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): MlflowClient {
  const root = `${url.replace(/\/+$/, "")}/api/2.0/mlflow`;

  const ask = async <T>(schema: z.ZodType<T>, method: "GET" | "POST", path: string, body?: unknown): Promise<T> => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(MLFLOW.requestMs)]);
    const { status, text } = await fetch(`${root}/${path}`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: "error",
      signal: limit,
    })
      .then(async (response) => ({ status: response.status, text: await boundedText(response) }))
      .catch((error: unknown) => {
        throw new Unreachable("output", causeOf(error), { cause: error });
      });
    if (status === 429 || status >= 500) throw new Unreachable("output", `it answers ${path} with status ${status}`);
    const answer = parsed(text);
    if (status < 200 || status > 299) {
      const { data } = errorSchema.safeParse(answer);
      throw new Refused(
        `it refuses ${path} (status ${status}): ${data?.message ?? text.slice(0, 200)}`,
        data?.error_code ?? "",
      );
    }
    const { data } = schema.safeParse(answer);
    if (data === undefined) throw new Refused(`it answers ${path} as no MLflow server does: ${text.slice(0, 200)}`, "");
    return data;
  };
  const get = <T>(schema: z.ZodType<T>, path: string, query: Record<string, string>) =>
    ask(schema, "GET", `${path}?${new URLSearchParams(query)}`);
  const post = <T>(schema: z.ZodType<T>, path: string, body: unknown) => ask(schema, "POST", path, body);

  return {
    async experiment(name) {
      const known = () => get(experimentSchema, "experiments/get-by-name", { experiment_name: name });
      try {
        return (await known()).experiment.experiment_id;
      } catch (error) {
        if (!isRefused(error, "RESOURCE_DOES_NOT_EXIST")) throw error;
      }
      try {
        return (await post(createdSchema, "experiments/create", { name })).experiment_id;
      } catch (error) {
        if (!isRefused(error, "RESOURCE_ALREADY_EXISTS")) throw error; // two runs begin at once
        return (await known()).experiment.experiment_id;
      }
    },
    async createRun(experiment_id, run_name, start_time, tags) {
      const { run } = await post(runSchema, "runs/create", { experiment_id, run_name, start_time, tags });
      return run.info.run_id;
    },
    async lastSteps(run_id) {
      try {
        const { run } = await get(runSchema, "runs/get", { run_id });
        return new Map(run.data.metrics.map(({ key, step }) => [key, Number(step)]));
      } catch (error) {
        if (isRefused(error, "RESOURCE_DOES_NOT_EXIST")) return null;
        throw error;
      }
    },
    async log(run_id, batch) {
      await post(z.unknown(), "runs/log-batch", { run_id, ...batch });
    },
    async setStatus(run_id, status, end_time) {
      await post(z.unknown(), "runs/update", { run_id, status, ...(end_time === null ? {} : { end_time }) });
    },
  };
}

const experimentSchema = z.object({ experiment: z.object({ experiment_id: z.string() }) });
const createdSchema = z.object({ experiment_id: z.string() });
/** Steps are 64 bits, which some servers write as text. */
const step = z.union([z.number(), z.string()]);
const runSchema = z.object({
  run: z.object({
    info: z.object({ run_id: z.string().regex(/^[\w-]{1,64}$/) }),
    data: z
      .object({ metrics: z.array(z.object({ key: z.string(), step: step.default(0) })).default([]) })
      .default({ metrics: [] }),
  }),
});

function isRefused(error: unknown, reason: string): boolean {
  return error instanceof Refused && error.reason === reason;
}

async function boundedText(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.byteLength;
    if (size > MAX_ANSWER_BYTES) throw new Error(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** Null where it is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text === "" ? "{}" : text);
  } catch {
    return null;
  }
}

/** fetch tells what went wrong in its error's cause. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error ? cause.message || messageOf(error) : messageOf(error);
}
