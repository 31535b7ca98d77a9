/** Downloads with resume, progress and checksum; the file appears under its name only when it is whole. */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { CnnDistError, messageOf } from "../errors.js";

/** MD5 only where a file's authors publish nothing else. */
export type Checksum = { readonly sha256: string } | { readonly md5: string };

export interface DownloadOptions {
  url: string;
  to: string;
  /** Of the file as it ends up under `to`. */
  checksum: Checksum;
  /** The server's file is gzipped and is to be unpacked. */
  gunzip?: boolean;
  signal?: AbortSignal;
  onProgress?: (progress: { received: number; total: number | null }) => void;
}

/** Connections that break in mid-file are resumed this many times in one call; the next call resumes as well. */
const RESUMES = 5;
const CONNECT_TIMEOUT_MS = 15_000;

/** Throws CnnDistError `download` (network, status) or `checksum` (then nothing is kept). */
export async function download(options: DownloadOptions): Promise<void> {
  const part = `${options.to}.part`;
  await mkdir(dirname(options.to), { recursive: true });
  for (let attempt = 0; ; attempt++) {
    let grew = false; // not the file's size: a break can come before the first bytes are written
    const onProgress: DownloadOptions["onProgress"] = (progress) => {
      grew = true;
      options.onProgress?.(progress);
    };
    try {
      if (await fetchInto(part, await sizeOf(part), { ...options, onProgress })) break;
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      if (grew && attempt < RESUMES) continue;
      if (error instanceof CnnDistError) throw error;
      const cause = error instanceof Error && error.cause ? error.cause : error;
      throw new CnnDistError(
        "download",
        `${options.url} could not be downloaded: ${messageOf(cause)}${proxyAdvice(process.env)}`,
        {
          cause: error,
        },
      );
    }
  }
  await finish(part, options);
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

/** True once the whole file is there. */
async function fetchInto(part: string, before: number, { url, signal, onProgress }: DownloadOptions): Promise<boolean> {
  const response = await ask(url, await resumption(part, before), signal);
  if (response.status === 416 && before > 0) {
    if (response.headers.get("content-range") === `bytes */${before}`) return true; // only its checking was missing
    await rm(part, { force: true }); // what we hold is not a beginning of what the server has
    return false;
  }
  if (!response.ok || !response.body)
    throw new CnnDistError("download", `${url} answered ${response.status} ${response.statusText}`);
  const resumed = response.status === 206;
  const start = resumed ? before : 0;
  if (resumed && !response.headers.get("content-range")?.startsWith(`bytes ${before}-`))
    throw new CnnDistError(
      "download",
      `${url}: bytes from ${before} on were asked for, the server sent ${response.headers.get("content-range")}`,
    );
  if (!resumed) await writeFile(tagOf(part), response.headers.get("etag") ?? "");
  const length = Number(response.headers.get("content-length"));
  const total = length > 0 ? start + length : null;
  let received = start;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.byteLength;
      onProgress?.({ received, total });
      done(null, chunk);
    },
  });
  const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
  await pipeline(body, meter, createWriteStream(part, { flags: resumed ? "a" : "w" }), signal ? { signal } : {});
  if (total !== null && received < total) throw new Error(`the connection ended after ${received} of ${total} bytes`);
  return true;
}

/** The server's name for this version of the file, kept beside the part. */
const tagOf = (part: string) => `${part}.etag`;

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

/** Node's fetch goes through a proxy only from Node 24 on, and only when told to. */
function proxyAdvice(env: NodeJS.ProcessEnv): string {
  const proxy = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"].find((name) => env[name]);
  if (!proxy || env.NODE_USE_ENV_PROXY) return "";
  return ` (${proxy} is set, but Node uses it only from version 24 on and with NODE_USE_ENV_PROXY=1)`;
}

async function finish(part: string, { url, to, checksum, gunzip }: DownloadOptions): Promise<void> {
  const whole = `${to}.whole`;
  try {
    if (gunzip) await pipeline(createReadStream(part), createGunzip(), createWriteStream(whole));
    else await rename(part, whole);
  } catch (error) {
    await discard(part);
    await rm(whole, { force: true });
    throw new CnnDistError(
      "checksum",
      `${url}: what was received does not unpack (${messageOf(error)}); it was deleted. Try again.`,
    );
  }
  const [algorithm, expected] = Object.entries(checksum)[0] as ["sha256" | "md5", string];
  const received = await hashOfFile(whole, algorithm);
  if (received !== expected) {
    await discard(part);
    await rm(whole, { force: true });
    throw new CnnDistError(
      "checksum",
      `${url}: ${algorithm === "md5" ? "MD5" : "SHA-256"} ${received} received, ${expected} expected; the file was deleted. The source was changed or the transfer damaged.`,
    );
  }
  await rename(whole, to);
  await discard(part);
}

async function discard(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(tagOf(part), { force: true });
}

export function sha256OfFile(path: string): Promise<string> {
  return hashOfFile(path, "sha256");
}

async function hashOfFile(path: string, algorithm: "sha256" | "md5"): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
