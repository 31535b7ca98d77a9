import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type TestContext, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { CnnDistError } from "../../../src/errors.js";
import { unpackTarGz } from "../../../src/fetch/tar.js";
import { temporaryDirectory } from "../../support/temporary.js";

const LONG = "a-folder-whose-name-is-long/".repeat(5);
const FILES: Readonly<Record<string, Buffer>> = {
  "set/empty.bin": Buffer.alloc(0),
  "set/block.bin": Buffer.alloc(512, 1),
  "set/large.bin": Buffer.from(Array.from({ length: 200_001 }, (_, at) => at % 253)),
  "set/unwanted.txt": Buffer.from("no"),
  [`${LONG}deep.bin`]: Buffer.from("deep"),
};

/** Made by the machine's own tar, in one of its formats. */
function archive(context: TestContext, format: string): { path: string; dir: string } {
  const dir = temporaryDirectory(context);
  for (const [name, bytes] of Object.entries(FILES)) {
    mkdirSync(join(dir, "in", name, ".."), { recursive: true });
    writeFileSync(join(dir, "in", name), bytes);
  }
  const path = join(dir, "set.tar.gz");
  execFileSync("tar", [`--format=${format}`, "-czf", path, "-C", join(dir, "in"), ...Object.keys(FILES)]);
  return { path, dir };
}
const unpack = (path: string, into: string) =>
  unpackTarGz(path, {
    target: (name) => (name.endsWith(".bin") ? join(into, basename(name)) : null),
    maxBytes: 2 ** 20,
  });
const fails = (message: RegExp) => (error: unknown) =>
  error instanceof CnnDistError && error.code === "archive" && message.test(error.message);

for (const format of ["gnu", "ustar", "pax"]) {
  test(`a ${format} archive gives the files that are wanted`, async (context) => {
    const { path, dir } = archive(context, format);
    const into = join(dir, "out");
    await unpack(path, into);
    const expected = Object.entries(FILES).filter(([name]) => name.endsWith(".bin"));
    // The other two put a long name into an entry of its own, which we do not need.
    const found = format === "ustar" ? expected : expected.filter(([name]) => !name.startsWith(LONG));
    for (const [name, bytes] of found) assert.deepEqual(readFileSync(join(into, basename(name))), bytes);
    assert.ok(!readdirSync(into).includes("unwanted.txt"));
  });
}

test("archives that are cut, changed or none at all are named, and leave no half of a file", async (context) => {
  const { path, dir } = archive(context, "ustar");
  const whole = gunzipSync(readFileSync(path));
  const into = join(dir, "out");
  const damaged = join(dir, "damaged.tar.gz");
  const attempt = async (bytes: Buffer, message: RegExp) => {
    writeFileSync(damaged, bytes);
    await assert.rejects(unpack(damaged, into), fails(message));
  };
  await attempt(gzipSync(whole.subarray(0, 100_000)), /damaged\.tar\.gz does not unpack: it ends too early/);
  assert.deepEqual(readdirSync(into).sort(), ["block.bin", "empty.bin"]);
  await attempt(readFileSync(path).subarray(0, -100), /unexpected end of file/);
  const changed = Buffer.from(whole);
  changed[3]! ^= 1;
  await attempt(gzipSync(changed), /checksum is wrong/);
  await attempt(Buffer.from("<html>"), /incorrect header check/);
  await assert.rejects(unpack(join(dir, "nowhere"), into), fails(/ENOENT/));
});

test("an archive that unpacks to more than it may is left before the first byte beyond is written", async (context) => {
  const { path, dir } = archive(context, "ustar");
  const into = join(dir, "out");
  const target = (name: string) => (name.endsWith("large.bin") ? join(into, "large.bin") : null);
  // The headers and files before the large one have 2 KiB; unwanted files count as well.
  for (const maxBytes of [1000, 150_000])
    await assert.rejects(
      unpackTarGz(path, { target, maxBytes }),
      (error: unknown) =>
        error instanceof CnnDistError &&
        error.code === "too-large" &&
        error.message.includes(`set.tar.gz, unpacked: `) &&
        error.message.includes(`at most ${maxBytes} expected`),
    );
  assert.deepEqual(existsSync(into) ? readdirSync(into) : [], []);
  await unpackTarGz(path, { target, maxBytes: 210_000 });
  assert.equal(readFileSync(join(into, "large.bin")).byteLength, 200_001);
});
