/** MNIST and CIFAR from a server of ours: downloaded once, checked, unpacked; and what is wrong is named. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CIFAR10, type CifarKind, cifar } from "../../../src/data/cifar.js";
import { PLACES } from "../../../src/data/fashion-mnist.js";
import { loadMnist, MNIST_SERVER } from "../../../src/data/mnist.js";
import { EXIT, UsageError } from "../../../src/errors.js";
import { temporaryDirectory } from "../../support/temporary.js";

async function serve(context: TestContext, files: Readonly<Record<string, Buffer>>) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const body = files[request.url ?? ""];
    asked.push(request.url ?? "");
    if (body) response.writeHead(200, { "content-length": body.byteLength }).end(body);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  return { asked, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}
const refuses = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof UsageError, String(error));
  assert.equal(error.exitCode, EXIT.usage);
  assert.match(error.message, message);
  return true;
};

test("mnist: four files, kept as they are sent", async (context) => {
  // Of the same form, so the carried subset of Fashion-MNIST can stand for them.
  const names = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"];
  const files = names.map((name) => readFileSync(join(PLACES.subset, `${name}-ubyte.gz`)));
  const sums = files.map((bytes) => createHash("sha256").update(bytes).digest("hex"));
  const served = Object.fromEntries(names.map((name, at) => [`/${name}-ubyte.gz`, files[at]!]));
  const { asked, address } = await serve(context, served);
  const server = { ...MNIST_SERVER, address, sha256: sums as unknown as typeof MNIST_SERVER.sha256 };
  const cacheDir = temporaryDirectory(context);
  for (let time = 0; time < 2; time++) {
    const data = await loadMnist({ cacheDir, options: {} }, server);
    assert.deepEqual([data.name, data.train.count, data.test.count], ["mnist", 8000, 2000]);
    assert.deepEqual(data.classNames[7], "7");
  }
  assert.equal(asked.length, 4);
  await assert.rejects(
    loadMnist({ cacheDir: temporaryDirectory(context), options: {} }, { ...server, sha256: MNIST_SERVER.sha256 }),
    refuses(/MNIST is not on this machine and could not be downloaded: .*SHA-256 .* expected.*--data-dir/),
  );
  await assert.rejects(
    loadMnist({ cacheDir, dataDir: "/nowhere", options: {} }, server),
    refuses(/--data-dir \/nowhere cannot be read as MNIST: it does not exist/),
  );
});

/** One image a file, of its own number. */
function cifarArchive(context: TestContext): Buffer {
  const dir = temporaryDirectory(context);
  const folder = join(dir, CIFAR10.folder);
  mkdirSync(folder);
  for (const [label, name] of [...CIFAR10.train, ...CIFAR10.test].entries())
    writeFileSync(join(folder, name), Buffer.concat([Buffer.of(label), Buffer.alloc(3072, 40 * label)]));
  writeFileSync(join(folder, CIFAR10.names), `${"abcdefghij".split("").join("\n")}\n`);
  writeFileSync(join(folder, "readme.html"), "not needed");
  execFileSync("tar", ["-czf", join(dir, "set.tar.gz"), "-C", dir, CIFAR10.folder]);
  return readFileSync(join(dir, "set.tar.gz"));
}

test("cifar10: the archive is downloaded, checked by its MD5, unpacked and removed", async (context) => {
  const archive = cifarArchive(context);
  const { asked, address } = await serve(context, { "/cifar-10-binary.tar.gz": archive });
  const kind: CifarKind = {
    ...CIFAR10,
    facts: { ...CIFAR10.facts, train: 5, test: 1 },
    archive: `${address}cifar-10-binary.tar.gz`,
    md5: createHash("md5").update(archive).digest("hex"),
  };
  const cacheDir = temporaryDirectory(context);
  const said = new Set<string>();
  const load = () => cifar(kind).load({ cacheDir, options: {}, onProgress: ({ what }) => void said.add(what) });
  const [first, second] = await Promise.all([load(), load()]);
  assert.deepEqual([...first.train.labels, ...first.test.labels], [0, 1, 2, 3, 4, 5]);
  assert.equal(first.classNames[2], "c");
  assert.equal(second.sha256, first.sha256);
  assert.equal(asked.length, 1);
  assert.deepEqual(readdirSync(join(cacheDir, "datasets/cifar10")), [CIFAR10.folder]);
  assert.ok(!readdirSync(join(cacheDir, "datasets/cifar10", CIFAR10.folder)).includes("readme.html"));
  assert.ok(said.has("cifar10: cifar-10-binary.tar.gz") && said.has("cifar10: unpacking"));

  const elsewhere = { cacheDir: temporaryDirectory(context), options: {} };
  await assert.rejects(
    cifar({ ...kind, md5: CIFAR10.md5 }).load(elsewhere),
    refuses(
      /cifar10 is not on this machine and could not be downloaded: .*MD5 .* received, c32a1d4a.* expected.*damaged\. Unpack /,
    ),
  );
  await assert.rejects(cifar({ ...kind, archive: `${address}gone` }).load(elsewhere), refuses(/answered 404/));
});
