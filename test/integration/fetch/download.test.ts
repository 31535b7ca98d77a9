/** `download` against a server that drops, changes and refuses. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { CnnDistError } from "../../../src/errors.js";
import { download } from "../../../src/fetch/download.js";
import { temporaryDirectory } from "../../support/temporary.js";

const BODY = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 31 + (index >> 8)) & 255));
const sha256Of = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

type Answer = (request: IncomingMessage, response: ServerResponse, count: number, to: string) => unknown;

/** A server of one file, and where it goes. `asked` notes the Range and If-Range of each request. */
async function serve(context: TestContext, answer: Answer) {
  const asked: string[] = [];
  const dir = temporaryDirectory(context);
  const to = join(dir, "deep", "file");
  const server = createServer((request, response) => {
    asked.push([request.headers.range, request.headers["if-range"]].filter(Boolean).join(" "));
    answer(request, response, asked.length, to);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
  return { asked, to, options: { url, to, checksum: { sha256: sha256Of(BODY) }, sizeBytes: BODY.byteLength } };
}

/** As servers answer ranges. */
const whole: Answer = (request, response) => {
  const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const condition = request.headers["if-range"];
  if (from === 0 || (condition !== undefined && condition !== '"one"'))
    response.writeHead(200, { "content-length": BODY.byteLength, etag: '"one"' }).end(BODY);
  else if (from >= BODY.byteLength) response.writeHead(416, { "content-range": `bytes */${BODY.byteLength}` }).end();
  else
    response
      .writeHead(206, {
        "content-length": BODY.byteLength - from,
        "content-range": `bytes ${from}-${BODY.byteLength - 1}/${BODY.byteLength}`,
        etag: '"one"',
      })
      .end(BODY.subarray(from));
};

/** Sends the first bytes of what `whole` would send, and hangs up when they are on the client's disk. */
const broken = (bytes: number, etag: string): Answer => {
  return async (_request, response, _count, to) => {
    response.writeHead(200, { "content-length": BODY.byteLength, ...(etag ? { etag } : {}) });
    response.write(BODY.subarray(0, bytes));
    await written(to, bytes);
    response.destroy();
  };
};

async function written(to: string, bytes: number): Promise<void> {
  const size = () => statSync(`${to}.part`, { throwIfNoEntry: false })?.size ?? 0;
  while (size() < bytes) await new Promise((resolve) => setTimeout(resolve, 5));
}

const failsWith = (code: string, pattern: RegExp) => (error: unknown) =>
  error instanceof CnnDistError && error.code === code && pattern.test(error.message);

test("a connection that breaks is resumed where it broke, if the file is still the same", async (context) => {
  const { asked, to, options } = await serve(context, (request, response, count, to) =>
    (count === 1 ? broken(100_000, '"one"') : whole)(request, response, count, to),
  );
  const seen: number[] = [];
  await download({
    ...options,
    onProgress: ({ received, total }) => {
      seen.push(received);
      assert.equal(total, BODY.byteLength);
    },
  });
  assert.deepEqual(readFileSync(to), BODY);
  const [first, second] = asked;
  assert.deepEqual([asked.length, first], [2, ""]);
  assert.match(second!, /^bytes=\d+- "one"$/);
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => a - b),
    "progress goes on, and does not begin anew",
  );
  assert.equal(seen.at(-1), BODY.byteLength);
  assert.deepEqual(readdirSync(join(to, "..")), ["file"]);
});

test("a server without ranges, or with another version meanwhile, sends the whole again", async (context) => {
  for (const etag of ["", '"zero"']) {
    const { asked, to, options } = await serve(context, (request, response, count, to) => {
      if (count === 1) broken(100_000, etag)(request, response, count, to);
      else if (etag) whole(request, response, count, to);
      else response.writeHead(200, { "content-length": BODY.byteLength }).end(BODY);
    });
    await download(options);
    assert.deepEqual(readFileSync(to), BODY);
    assert.match(asked[1]!, etag ? /^bytes=\d+- "zero"$/ : /^bytes=\d+-$/);
  }
});

test("what an earlier process left is taken up, also when only its checking was missing", async (context) => {
  for (const length of [1000, BODY.byteLength]) {
    const { asked, to, options } = await serve(context, whole);
    await download({ ...options, to: `${to}-other` }); // makes the folder
    writeFileSync(`${to}.part`, BODY.subarray(0, length));
    await download(options);
    assert.deepEqual(readFileSync(to), BODY);
    assert.deepEqual(asked, ["", `bytes=${length}-`]);
  }
});

test("a part longer than the file is thrown away", async (context) => {
  const { asked, to, options } = await serve(context, whole);
  await download({ ...options, to: `${to}-other` });
  writeFileSync(`${to}.part`, Buffer.alloc(BODY.byteLength + 1));
  await download(options);
  assert.deepEqual(readFileSync(to), BODY);
  assert.deepEqual(asked, ["", `bytes=${BODY.byteLength + 1}-`, ""]);
});

test("other bytes than expected: both sums are named, nothing stays", async (context) => {
  const { to, options } = await serve(context, whole);
  const wrong = "0".repeat(64);
  await assert.rejects(
    download({ ...options, checksum: { sha256: wrong } }),
    failsWith("checksum", new RegExp(`SHA-256 ${options.checksum.sha256} received, ${wrong} expected`)),
  );
  await assert.rejects(
    download({ ...options, checksum: { md5: "0".repeat(32) } }),
    failsWith("checksum", /MD5 [0-9a-f]{32} received, 0{32} expected/),
  );
  assert.deepEqual(readdirSync(join(to, "..")), []);
});

test("gzipped on the server, unpacked here; the sum is that of the unpacked", async (context) => {
  const { to, options } = await serve(context, (request, response) => {
    assert.equal(request.headers["accept-encoding"], "identity");
    response.writeHead(200).end(gzipSync(BODY));
  });
  await download({ ...options, gunzip: true });
  assert.deepEqual(readFileSync(to), BODY);
});

test("an answer that is not the file is an error that names it, and a server that always breaks is left", async (context) => {
  const refusing = await serve(context, (_request, response) => response.writeHead(503).end());
  await assert.rejects(download(refusing.options), failsWith("download", /answered 503 Service Unavailable/));
  const wrong = await serve(context, (request, response, count, to) => {
    if (count === 1) broken(1000, "")(request, response, count, to);
    else response.writeHead(206, { "content-range": `bytes 0-9/${BODY.byteLength}` }).end(BODY.subarray(0, 10));
  });
  await assert.rejects(download(wrong.options), failsWith("download", /bytes from 1000 on were asked for.*bytes 0-9/));
  const dead = await serve(context, (request) => request.socket.destroy());
  await assert.rejects(download(dead.options), failsWith("download", /could not be downloaded/));
  assert.equal(dead.asked.length, 1);
  assert.equal(existsSync(dead.to), false);
});

test("an abort ends it and keeps what there is for the next time", async (context) => {
  const { asked, to, options } = await serve(context, (request, response, count, to) => {
    if (count > 1) return whole(request, response, count, to);
    response.writeHead(200, { "content-length": BODY.byteLength, etag: '"one"' });
    response.write(BODY.subarray(0, 50_000)); // and no more
    return written(to, 50_000).then(() => stopping.abort(reason));
  });
  const stopping = new AbortController();
  const reason = new CnnDistError("stopped", "enough");
  await assert.rejects(download({ ...options, signal: stopping.signal }), (error) => error === reason);
  assert.equal(existsSync(to), false);
  await download(options);
  assert.deepEqual(readFileSync(to), BODY);
  assert.deepEqual(asked, ["", 'bytes=50000- "one"']);
});
