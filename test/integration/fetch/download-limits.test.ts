/** `download` against servers that send more than the file has: cut off at once, nothing kept, nothing tried again. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { CnnDistError } from "../../../src/errors.js";
import { download } from "../../../src/fetch/download.js";
import { temporaryDirectory } from "../../support/temporary.js";

const SIZE = 100_000;
const CHUNK = Buffer.alloc(64 * 1024);
/** A server that is not stopped in time gives up by itself, so that a failing test fills no disk. */
const BOUND = 64 * 2 ** 20;

async function serve(context: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => unknown) {
  const counted = { requests: 0 };
  const server = createServer((request, response) => {
    counted.requests++;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const to = join(temporaryDirectory(context), "deep", "file");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
  return { counted, to, options: { url, to, checksum: { sha256: "0".repeat(64) }, sizeBytes: SIZE } };
}

/** Sends until the client goes away. */
function endless(
  response: ServerResponse,
  headers: Readonly<Record<string, string | number>> = {},
  status = 200,
): void {
  response.writeHead(status, headers);
  let sent = 0;
  const more = () => {
    while (!response.destroyed && sent < BOUND) {
      sent += CHUNK.byteLength;
      if (!response.write(CHUNK)) return response.once("drain", more);
    }
    return response.end();
  };
  more();
}

const tooLarge = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof CnnDistError, String(error));
  assert.equal(error.code, "too-large", error.message);
  assert.match(error.message, pattern);
  return true;
};

test("a body without end is cut off at the file's size, once, and its part is deleted", async (context) => {
  const { counted, to, options } = await serve(context, (_request, response) => endless(response));
  await assert.rejects(download(options), tooLarge(/file: \d+ bytes received, at most 100000 expected/));
  assert.equal(counted.requests, 1);
  assert.deepEqual(readdirSync(dirname(to)), []);
});

test("an announced length that is too large is refused before the body", async (context) => {
  const { to, options } = await serve(context, (_request, response) => endless(response, { "content-length": BOUND }));
  await assert.rejects(download(options), tooLarge(/: 67108864 bytes received, at most 100000 expected/));
  assert.deepEqual(readdirSync(dirname(to)), []);
});

test("a resumed download counts what its part holds", async (context) => {
  const { counted, to, options } = await serve(context, (request, response) => {
    assert.equal(request.headers.range, `bytes=${SIZE - 10}-`);
    endless(response, { "content-range": `bytes ${SIZE - 10}-${SIZE - 1}/${SIZE}` }, 206);
  });
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(`${to}.part`, Buffer.alloc(SIZE - 10));
  await assert.rejects(download(options), tooLarge(/at most 100000 expected/));
  assert.equal(counted.requests, 1);
  assert.deepEqual(readdirSync(dirname(to)), []);
});

test("a gzip file that unpacks to more than the file has is left there; one of the right size is not", async (context) => {
  const bomb = gzipSync(Buffer.alloc(BOUND)); // 65 kB
  const { to, options } = await serve(context, (_request, response) => response.end(bomb));
  await assert.rejects(
    download({ ...options, gunzip: true }),
    tooLarge(/file, unpacked: \d+ bytes received, at most 100000 expected/),
  );
  assert.deepEqual(readdirSync(dirname(to)), []);

  // What does not compress is a little longer when it is packed.
  const noise = Buffer.from(Array.from({ length: SIZE }, (_, at) => createHash("sha256").update(`${at}`).digest()[0]!));
  const packed = gzipSync(noise);
  assert.ok(packed.byteLength > SIZE);
  const honest = await serve(context, (_request, response) => response.end(packed));
  const checksum = { sha256: createHash("sha256").update(noise).digest("hex") };
  await download({ ...honest.options, checksum, gunzip: true });
  assert.deepEqual(readdirSync(dirname(honest.to)), ["file"]);
});

test("a full disk is said to be full, is not tried again, and gets its space back", async (context) => {
  const { counted, to, options } = await serve(context, (_request, response) => response.end(CHUNK));
  mkdirSync(dirname(to), { recursive: true });
  symlinkSync("/dev/full", `${to}.part`);
  await assert.rejects(download(options), (error: unknown) => {
    assert.ok(error instanceof CnnDistError && error.code === "disk-full", String(error));
    assert.match(error.message, /no space is left for .*file\.part; what was received was deleted\. Free some space/);
    return true;
  });
  assert.equal(counted.requests, 1);
  assert.deepEqual(readdirSync(dirname(to)), []);
});
