import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { type FashionMnistPlaces, loadFashionMnist, PLACES, SUBSET_SHA256 } from "../../../src/data/fashion-mnist.js";
import { CnnDistError } from "../../../src/errors.js";
import { temporaryDirectory } from "../../support/temporary.js";

const FILES = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"];
const fileOf = (path: string) => readFileSync(join(PLACES.subset, path));
const unpackedSha256 = FILES.map((name) =>
  createHash("sha256")
    .update(gunzipSync(fileOf(`${name}-ubyte.gz`)))
    .digest("hex"),
) as unknown as FashionMnistPlaces["sha256"];

/** The authors' server, as far as we use it, with the carried subset's files. */
async function serve(context: TestContext, answer: (path: string) => Buffer | null): Promise<FashionMnistPlaces> {
  const server = createServer((request, response) => {
    const body = answer(request.url ?? "");
    if (body) response.writeHead(200, { "content-length": body.byteLength }).end(body);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { ...PLACES, debian: "/nowhere", address: `http://127.0.0.1:${port}/`, sha256: unpackedSha256 };
}

/** Places whose server is gone. */
async function deserted(): Promise<FashionMnistPlaces> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return { ...PLACES, debian: "/nowhere", address: `http://127.0.0.1:${port}/` };
}

test("the four files are downloaded once, checked, and read from the cache from then on", async (context) => {
  const asked: string[] = [];
  const places = await serve(context, (path) => {
    asked.push(path);
    return fileOf(path);
  });
  const cacheDir = temporaryDirectory(context);
  const seen = new Map<string, number>();
  const first = await loadFashionMnist(
    { cacheDir, options: {}, onProgress: ({ what, received }) => seen.set(what, received) },
    places,
  );
  assert.equal(first.warning, undefined);
  assert.match(first.source, /downloaded from http/);
  assert.equal(first.sha256, SUBSET_SHA256);
  assert.deepEqual(
    [...seen.values()],
    FILES.map((name) => fileOf(`${name}-ubyte.gz`).byteLength),
  );
  const second = await loadFashionMnist({ cacheDir, options: {} }, places);
  assert.equal(second.sha256, SUBSET_SHA256);
  assert.equal(asked.length, 4);
});

test("two at once download each file once; what a stopped download left is not asked for again", async (context) => {
  const asked: string[] = [];
  const places = await serve(context, (path) => {
    asked.push(path);
    return fileOf(path);
  });
  const cacheDir = temporaryDirectory(context);
  const waits: string[] = [];
  const load = () =>
    loadFashionMnist(
      { cacheDir, options: {}, onProgress: ({ what, total }) => total === null && waits.push(what) },
      places,
    );
  const both = await Promise.all([load(), load()]);
  assert.deepEqual(
    both.map(({ sha256 }) => sha256),
    [SUBSET_SHA256, SUBSET_SHA256],
  );
  assert.deepEqual(waits, ["Fashion-MNIST: another process is downloading it"]);
  rmSync(join(cacheDir, "datasets/fashion-mnist/t10k-labels-idx1-ubyte"));
  await load();
  assert.deepEqual(
    asked,
    [...FILES, "t10k-labels-idx1"].map((name) => `/${name}-ubyte.gz`),
  );
});

test("no server, a refusal, or other bytes than expected: the carried subset, with the cause in its warning", async (context) => {
  const load = (places: FashionMnistPlaces) =>
    loadFashionMnist({ cacheDir: temporaryDirectory(context), options: {} }, places);
  const cases: [FashionMnistPlaces, RegExp][] = [
    [await deserted(), /ECONNREFUSED/],
    [await serve(context, () => null), /404/],
    [await serve(context, () => Buffer.from("<html>please log in</html>")), /does not unpack/],
    [await serve(context, (path) => fileOf(path.replace("train", "t10k"))), /SHA-256/],
  ];
  for (const [places, cause] of cases) {
    const data = await load(places);
    assert.equal(data.sha256, SUBSET_SHA256);
    assert.match(data.warning ?? "", cause);
    assert.match(data.warning ?? "", /8,000 training and 2,000 test images.*--data-dir/);
  }
});

test("a run that needs the whole data set does not fall back to the subset", async (context) => {
  const places = await deserted();
  await assert.rejects(
    loadFashionMnist({ cacheDir: temporaryDirectory(context), options: {}, sha256: "0".repeat(64) }, places),
    (error: unknown) => error instanceof CnnDistError && error.code === "data-missing",
  );
});

test("a stop during the download ends it, and is not taken for a missing network", async (context) => {
  const stop = new AbortController();
  const places = await serve(context, (path) => {
    stop.abort(new Error("stopped by hand"));
    return fileOf(path);
  });
  await assert.rejects(
    loadFashionMnist({ cacheDir: temporaryDirectory(context), options: {}, signal: stop.signal }, places),
    /stopped by hand/,
  );
});
