/** Downloads with resume, progress, limit and checksum; the file appears under its name only when it is whole. */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { CnnDistError, messageOf } from "../errors.js";
import { makeFolder } from "../make-folder.js";
import { diskFull, isDiskFull, limitedTo } from "./limit.js";
import { discard, transfer } from "./transfer.js";

/** MD5 only where a file's authors publish nothing else. */
export type Checksum = { readonly sha256: string } | { readonly md5: string };

export interface DownloadOptions {
  url: string;
  to: string;
  /** Of the file as it ends up under `to`. */
  checksum: Checksum;
  /** Of the file as it ends up under `to`, in bytes: what is longer is cut off. */
  sizeBytes: number;
  /** The server's file is gzipped and is to be unpacked. */
  gunzip?: boolean;
  signal?: AbortSignal;
  onProgress?: (progress: { received: number; total: number | null }) => void;
}

/** Connections that break in mid-file are resumed this many times in one call; the next call resumes as well. */
const RESUMES = 5;

/**
 * Throws CnnDistError `download` (network, status); and, with nothing kept, `checksum`, `too-large` (more bytes than the
 * file has, as sent or unpacked) or `disk-full`. None of these three is tried again.
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { url, to, signal } = options;
  const part = `${to}.part`;
  makeFolder(dirname(to));
  for (let attempt = 0; ; attempt++) {
    let grew = false; // not the file's size: a break can come before the first bytes are written
    const onProgress: DownloadOptions["onProgress"] = (progress) => {
      grew = true;
      options.onProgress?.(progress);
    };
    try {
      if (await transfer(part, { url, maxBytes: maxTransfer(options), signal, onProgress })) break;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof CnnDistError) throw error;
      if (isDiskFull(error)) {
        await discard(part);
        throw diskFull(url, part, error);
      }
      if (grew && attempt < RESUMES) continue;
      const cause = error instanceof Error && error.cause ? error.cause : error;
      throw new CnnDistError(
        "download",
        `${url} could not be downloaded: ${messageOf(cause)}${proxyAdvice(process.env)}`,
        { cause: error },
      );
    }
  }
  await finish(part, options);
}

/** Gzip stores what it cannot compress in blocks of 16 KiB or more, with five bytes each; its header holds a name at most. */
function maxTransfer({ sizeBytes, gunzip }: DownloadOptions): number {
  return gunzip ? sizeBytes + Math.ceil(sizeBytes / 1000) + 4096 : sizeBytes;
}

/** Node's fetch goes through a proxy only from Node 24 on, and only when told to. */
function proxyAdvice(env: NodeJS.ProcessEnv): string {
  const proxy = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"].find((name) => env[name]);
  if (!proxy || env.NODE_USE_ENV_PROXY) return "";
  return ` (${proxy} is set, but Node uses it only from version 24 on and with NODE_USE_ENV_PROXY=1)`;
}

/** From the part to the file: unpacked where that is wanted, checked, renamed. On failure nothing is kept. */
async function finish(part: string, options: DownloadOptions): Promise<void> {
  const whole = `${options.to}.whole`;
  try {
    if (options.gunzip) await unpack(part, whole, options);
    else await rename(part, whole);
    await check(whole, options);
    await rename(whole, options.to);
  } catch (error) {
    await rm(whole, { force: true });
    throw error;
  } finally {
    await discard(part);
  }
}

async function unpack(part: string, whole: string, { url, sizeBytes }: DownloadOptions): Promise<void> {
  try {
    const limit = limitedTo(sizeBytes, `${url}, unpacked`);
    await pipeline(createReadStream(part), createGunzip(), limit, createWriteStream(whole));
  } catch (error) {
    if (error instanceof CnnDistError) throw error;
    if (isDiskFull(error)) throw diskFull(url, whole, error);
    throw new CnnDistError(
      "checksum",
      `${url}: what was received does not unpack (${messageOf(error)}); it was deleted. Try again.`,
      { cause: error },
    );
  }
}

async function check(whole: string, { url, checksum }: DownloadOptions): Promise<void> {
  const [algorithm, expected] = Object.entries(checksum)[0] as ["sha256" | "md5", string];
  const received = await hashOfFile(whole, algorithm);
  if (received === expected) return;
  throw new CnnDistError(
    "checksum",
    `${url}: ${algorithm === "md5" ? "MD5" : "SHA-256"} ${received} received, ${expected} expected; the file was deleted. The source was changed or the transfer damaged.`,
  );
}

export function sha256OfFile(path: string): Promise<string> {
  return hashOfFile(path, "sha256");
}

async function hashOfFile(path: string, algorithm: "sha256" | "md5"): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
