/** Downloads with resume, progress and checksum; the file appears under its name only when it is whole. */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { CnnDistError, messageOf } from "../errors.js";

export interface DownloadOptions {
  url: string;
  to: string;
  /** Of the file as it ends up under `to`. */
  sha256: string;
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
    const before = await sizeOf(part);
    try {
      if (await fetchInto(part, before, options)) break;
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      const grew = (await sizeOf(part)) > before;
      if (grew && attempt < RESUMES) continue;
      if (error instanceof CnnDistError) throw error;
      const cause = error instanceof Error && error.cause ? error.cause : error;
      throw new CnnDistError("download", `${options.url} could not be downloaded: ${messageOf(cause)}`, {
        cause: error,
      });
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
  const connecting = new AbortController();
  const timer = setTimeout(
    () => connecting.abort(new Error(`no answer within ${CONNECT_TIMEOUT_MS / 1000} s`)),
    CONNECT_TIMEOUT_MS,
  );
  const response = await fetch(url, {
    headers: before > 0 ? { range: `bytes=${before}-` } : {},
    signal: signal ? AbortSignal.any([signal, connecting.signal]) : connecting.signal,
  }).finally(() => clearTimeout(timer));
  if (response.status === 416) {
    await rm(part, { force: true }); // what we hold is not a beginning of what the server has
    return false;
  }
  if (!response.ok || !response.body)
    throw new CnnDistError("download", `${url} answered ${response.status} ${response.statusText}`);
  const resumed = response.status === 206;
  const start = resumed ? before : 0;
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

async function finish(part: string, { url, to, sha256, gunzip }: DownloadOptions): Promise<void> {
  const whole = `${to}.whole`;
  try {
    if (gunzip) await pipeline(createReadStream(part), createGunzip(), createWriteStream(whole));
    else await rename(part, whole);
  } catch (error) {
    await rm(part, { force: true });
    await rm(whole, { force: true });
    throw new CnnDistError(
      "checksum",
      `${url}: what was received does not unpack (${messageOf(error)}); it was deleted. Try again.`,
    );
  }
  const received = await sha256OfFile(whole);
  if (received !== sha256) {
    await rm(part, { force: true });
    await rm(whole, { force: true });
    throw new CnnDistError(
      "checksum",
      `${url}: SHA-256 ${received} received, ${sha256} expected; the file was deleted. The source was changed or the transfer damaged.`,
    );
  }
  await rename(whole, to);
  await rm(part, { force: true });
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
