import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { admits, exposureOf, OPEN_ACCESS, readAccess } from "../../../src/metrics/access.js";
import { temporaryDirectory } from "../../support/temporary.js";
import { accessFiles, TOKEN } from "../../support/tls.js";

const NONE = { metricsTokenFile: null, metricsCert: null, metricsKey: null };

test("token and TLS come from files, the token from the environment where no file is named", (context) => {
  const files = accessFiles(temporaryDirectory(context));
  const { token, tls } = readAccess(files, { CNN_DIST_METRICS_TOKEN: "of-the-environment" });
  assert.equal(token, TOKEN);
  assert.match(tls!.key, /PRIVATE KEY/);
  assert.deepEqual(readAccess(NONE, { CNN_DIST_METRICS_TOKEN: "of-the-environment" }), {
    token: "of-the-environment",
    tls: null,
  });
  assert.deepEqual(readAccess(NONE, { CNN_DIST_METRICS_TOKEN: "" }), OPEN_ACCESS);
});

test("secrets that others can read, tokens that are none, and keys of other certificates are refused, and never shown", (context) => {
  const dir = temporaryDirectory(context);
  const files = accessFiles(dir);
  const refused = (expected: RegExp, env = {}) =>
    assert.throws(
      () => readAccess(files, env),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, "metrics-access");
        assert.match(error.message, expected);
        assert.ok(!error.message.includes("secret word"), error.message);
        return true;
      },
    );
  for (const file of [files.metricsTokenFile, files.metricsKey]) {
    chmodSync(file, 0o644);
    refused(/--metrics-(token-file|key): .*can be read by others \(mode 0644.*chmod 600/);
    chmodSync(file, 0o600);
  }
  for (const token of ["", "short", "secret word with spaces in it", "secret wordé1234567890"]) {
    writeFileSync(files.metricsTokenFile, token);
    refused(/--metrics-token-file .*expected 16 to 1024/);
    if (token !== "")
      assert.throws(() => readAccess(NONE, { CNN_DIST_METRICS_TOKEN: token }), /CNN_DIST_METRICS_TOKEN/);
  }
  writeFileSync(files.metricsTokenFile, TOKEN);
  writeFileSync(files.metricsKey, "not a key");
  refused(/--metrics-cert .* and --metrics-key .* cannot be used together/);
  assert.throws(
    () => readAccess({ ...NONE, metricsTokenFile: join(dir, "none") }, {}),
    /--metrics-token-file: .*ENOENT/,
  );
});

test("a request comes in by the token alone: as Bearer, or as the password of any user", () => {
  const access = { token: TOKEN, tls: null };
  const basic = (words: string) => `Basic ${Buffer.from(words).toString("base64")}`;
  for (const header of [`Bearer ${TOKEN}`, `bearer  ${TOKEN}`, basic(`:${TOKEN}`), basic(`me:${TOKEN}`)])
    assert.ok(admits(access, header), header);
  for (const header of [
    undefined,
    "",
    TOKEN,
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(1)}`,
    `Bearer ${TOKEN} x`,
    "Bearer",
    basic(TOKEN.slice(2)),
    basic(`${TOKEN}:`),
    `Digest ${TOKEN}`,
  ])
    assert.ok(!admits(access, header), header);
  assert.ok(admits(OPEN_ACCESS, undefined));
});

test("the plan warns of an address beyond this machine with neither token nor TLS", () => {
  for (const host of ["localhost", "127.0.0.1", "127.3.2.1", "::1"]) assert.equal(exposureOf(host, OPEN_ACCESS), null);
  for (const host of ["0.0.0.0", "::", "192.168.0.3", "node-1", "127.0.0.1.example.org"])
    assert.match(
      exposureOf(host, OPEN_ACCESS)!,
      /whoever reaches this address can read metrics and page.*--metrics-token-file/,
    );
  assert.equal(exposureOf("0.0.0.0", { token: TOKEN, tls: null }), null);
  assert.equal(exposureOf("0.0.0.0", { token: null, tls: { cert: "", key: "" } }), null);
});
