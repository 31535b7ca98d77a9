/** One request for a file, or for the rest of it, into its part; resumed by the next call. */
import { createWriteStream } from "node:fs";
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { CnnDistError } from "../errors.js";
import { limitedTo, tooLarge } from "./limit.js";

const CONNECT_TIMEOUT_MS = 15_000;

export interface TransferOptions {
  url: string;
  /** Of the file as it is sent, what the part holds already included. */
  maxBytes: number;
  signal: AbortSignal | undefined;
  onProgress: (progress: { received: number; total: number | null }) => void;
}

/**
 * True once the whole file is in `part`. CnnDistError `download` for an answer that is not the file, `too-large` for one
 * that is longer than it may be; then the part is deleted.
 */
export async function transfer(part: string, options: TransferOptions): Promise<boolean> {
  try {
    return await fetchInto(part, await sizeOf(part), options);
  } catch (error) {
    if (error instanceof CnnDistError && error.code === "too-large") await discard(part);
    throw error;
  }
}

async function fetchInto(
  part: string,
  before: number,
  { url, maxBytes, signal, onProgress }: TransferOptions,
): Promise<boolean> {
  const response = await ask(url, await resumption(part, before), signal);
  if (response.status === 416 && before > 0) {
    await response.body?.cancel();
    if (response.headers.get("content-range") === `bytes */${before}`) return true; // only its checking was missing
    await discard(part); // what we hold is not a beginning of what the server has
    return false;
  }
  const resumed = response.status === 206;
  const start = resumed ? before : 0;
  const length = Number(response.headers.get("content-length"));
  const total = length > 0 ? start + length : null;
  const refusal =
    refusalOf(url, response, before) ?? (total !== null && total > maxBytes ? tooLarge(url, total, maxBytes) : null);
  if (refusal) {
    await response.body?.cancel();
    throw refusal;
  }
  if (!resumed) await writeFile(tagOf(part), response.headers.get("etag") ?? "");
  let received = start;
  const limit = limitedTo(maxBytes, url, {
    counted: start,
    onBytes: (bytes) => {
      received = bytes;
      onProgress({ received, total });
    },
  });
  const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
  await pipeline(body, limit, createWriteStream(part, { flags: resumed ? "a" : "w" }), signal ? { signal } : {});
  if (total !== null && received < total) throw new Error(`the connection ended after ${received} of ${total} bytes`);
  return true;
}

/** Why an answer is not the file, or the rest of it from `before` on. */
function refusalOf(url: string, response: Response, before: number): CnnDistError | null {
  if (!response.ok || !response.body)
    return new CnnDistError("download", `${url} answered ${response.status} ${response.statusText}`);
  const range = response.headers.get("content-range");
  if (response.status !== 206 || range?.startsWith(`bytes ${before}-`)) return null;
  return new CnnDistError("download", `${url}: bytes from ${before} on were asked for, the server sent ${range}`);
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

/** The server's name for this version of the file, kept beside the part. */
const tagOf = (part: string) => `${part}.etag`;

/** The part, and what is kept beside it. */
export async function discard(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(tagOf(part), { force: true });
}

/** Asks for the rest, but for the whole if the server's file has changed meanwhile. A weak tag cannot tell that. */
async function resumption(part: string, before: number): Promise<Record<string, string>> {
  if (before === 0) return {};
  const tag = await readFile(tagOf(part), "utf8").catch(() => "");
  return { range: `bytes=${before}-`, ...(tag.startsWith('"') ? { "if-range": tag } : {}) };
}

async function ask(url: string, headers: Record<string, string>, signal: AbortSignal | undefined): Promise<Response> {
  const connecting = new AbortController();
  const timer = setTimeout(
    () => connecting.abort(new Error(`no answer within ${CONNECT_TIMEOUT_MS / 1000} s`)),
    CONNECT_TIMEOUT_MS,
  );
  // As it is stored: a coding on the way would make lengths and ranges those of something else.
  return fetch(url, {
    headers: { ...headers, "accept-encoding": "identity" },
    signal: signal ? AbortSignal.any([signal, connecting.signal]) : connecting.signal,
  }).finally(() => clearTimeout(timer));
}
