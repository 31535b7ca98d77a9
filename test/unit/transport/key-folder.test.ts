import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { coordinatorKeys, workerKeyFor } from "../../../src/run/keys.js";
import {
  coordinatorKeysOf,
  createKeys,
  listKeys,
  readWorkerKey,
  revokeKey,
} from "../../../src/transport/key-folder.js";
import { temporaryDirectory } from "../../support/temporary.js";

function made(context: TestContext) {
  const folder = join(temporaryDirectory(context), "keys");
  const file = createKeys(folder, "worker");
  return { folder, file };
}

test("keys are private files; the worker's names the coordinator, whose list allows it", (context) => {
  const { folder, file } = made(context);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
  const worker = readWorkerKey(file);
  const coordinator = coordinatorKeysOf(folder);
  assert.equal(worker.coordinator, coordinator.public);
  assert.ok(coordinator.allows(worker.public));
  assert.ok(!coordinator.allows(coordinator.public));
  assert.deepEqual(readWorkerKey(folder), worker);
});

test("a second key keeps the coordinator's; a name is given once; revoking takes one off at once", (context) => {
  const { folder } = made(context);
  const coordinator = coordinatorKeysOf(folder);
  const second = readWorkerKey(createKeys(folder, "node-2"));
  assert.equal(second.coordinator, coordinator.public);
  assert.throws(() => createKeys(folder, "node-2"), /node-2\.key is there already/);
  assert.deepEqual(
    listKeys(folder).map(({ name, allowed }) => [name, allowed]),
    [
      ["worker", true],
      ["node-2", true],
    ],
  );
  revokeKey(folder, "worker");
  assert.ok(coordinator.allows(second.public));
  assert.deepEqual(
    listKeys(folder).map(({ name }) => name),
    ["node-2"],
  );
  assert.ok(!existsSync(join(folder, "worker.key")));
  assert.throws(() => revokeKey(folder, "worker"), /no key of the name "worker" in .*It has: node-2/);
});

test("names that are no file's, or the coordinator's, are refused", (context) => {
  const { folder } = made(context);
  for (const name of ["", "../x", "a/b", "coordinator", ".hidden", "a b", "x".repeat(65)])
    assert.throws(() => createKeys(folder, name), /a key's name/, name);
});

test("a secret that others can read, and a list that others can write, are refused with the way to mend them", (context) => {
  const { folder, file } = made(context);
  for (const mode of [0o604, 0o640, 0o620, 0o602]) {
    chmodSync(file, mode);
    if (process.getuid?.() === 0 && mode === 0o640) continue; // a secret that a container mounts: root's, for its group
    assert.throws(() => readWorkerKey(file), /can be read by others.*chmod 600/, mode.toString(8));
  }
  chmodSync(file, 0o600);
  chmodSync(join(folder, "allowed"), 0o622);
  assert.throws(() => coordinatorKeysOf(folder), /can be written by others/);
});

test("a mounted secret, which is a link, is followed", (context) => {
  const { folder, file } = made(context);
  const link = join(folder, "mounted.key");
  symlinkSync(file, link);
  assert.deepEqual(readWorkerKey(link), readWorkerKey(file));
});

test("damaged files say what they are, and never show a secret", (context) => {
  const { folder, file } = made(context);
  const whole = readFileSync(file, "utf8");
  const { secret } = JSON.parse(whole) as { secret: string };
  for (const text of ["", "{", whole.slice(0, 120), whole.split(secret).join(`${secret}0`), "[]"]) {
    writeFileSync(file, text);
    assert.throws(
      () => readWorkerKey(file),
      (error: Error) =>
        /is not a worker's key: expected the JSON/.test(error.message) && !error.message.includes(secret),
      text.slice(0, 20),
    );
  }
  writeFileSync(join(folder, "allowed"), "nonsense worker\n");
  assert.throws(() => coordinatorKeysOf(folder), /"nonsense worker" does not begin with a public key/);
  assert.throws(() => readWorkerKey(join(folder, "none.key")), /cannot be read.*cnn-dist keys create/);
});

test("a list that becomes unreadable allows nobody", (context) => {
  const { folder, file } = made(context);
  const coordinator = coordinatorKeysOf(folder);
  const { public: key } = readWorkerKey(file);
  chmodSync(join(folder, "allowed"), 0o622);
  assert.ok(!coordinator.allows(key));
  chmodSync(join(folder, "allowed"), 0o600);
  assert.ok(coordinator.allows(key));
});

test("a user's own folder is made when it is needed, on either side, and is one for both", (context) => {
  const env = { XDG_STATE_HOME: temporaryDirectory(context) };
  const folder = join(env.XDG_STATE_HOME, "cnn-dist", "keys");
  const later = coordinatorKeys(undefined, env);
  assert.ok(!existsSync(folder), "a dry run makes nothing");
  assert.throws(() => workerKeyFor(undefined, "tcp://node-1:5555", env), /a copy of its file there/);
  const worker = workerKeyFor(undefined, "tcp://127.0.0.1:5555", env);
  assert.ok(later().allows(worker.public)); // made by the worker meanwhile
  assert.ok(coordinatorKeys(undefined, env)().allows(worker.public));
});

test("keys come from the environment as well", (context) => {
  const { folder, file } = made(context);
  const worker = readWorkerKey(file);
  const CNN_DIST_COORDINATOR_KEY = readFileSync(join(folder, "coordinator.key"), "utf8");
  const env = { CNN_DIST_COORDINATOR_KEY, CNN_DIST_ALLOWED_KEYS: worker.public };
  assert.ok(coordinatorKeys(undefined, env)().allows(worker.public));
  assert.deepEqual(workerKeyFor(undefined, "tcp://x:1", { CNN_DIST_WORKER_KEY: readFileSync(file, "utf8") }), worker);
  assert.deepEqual(workerKeyFor(undefined, "tcp://x:1", { CNN_DIST_KEYS: folder }), worker);
  for (const CNN_DIST_ALLOWED_KEYS of ["", "short"])
    assert.throws(
      () => coordinatorKeys(undefined, { CNN_DIST_COORDINATOR_KEY, CNN_DIST_ALLOWED_KEYS }),
      /expected public keys/,
    );
  assert.throws(() => coordinatorKeys(join(folder, "none"), {}), /a coordinator's key cannot be read/);
});

test("a key that is not on the list can be revoked, and so its name be used again", (context) => {
  const { folder } = made(context);
  writeFileSync(join(folder, "allowed"), "");
  assert.deepEqual(
    listKeys(folder).map(({ name, allowed }) => [name, allowed]),
    [["worker", false]],
  );
  revokeKey(folder, "worker");
  assert.ok(coordinatorKeysOf(folder).allows(readWorkerKey(createKeys(folder, "worker")).public));
});

test("a list without a newline at its end, or under change by another, loses no key", (context) => {
  const { folder, file } = made(context);
  const list = join(folder, "allowed");
  writeFileSync(list, readFileSync(list, "utf8").trimEnd());
  const second = readWorkerKey(createKeys(folder, "second"));
  const { allows } = coordinatorKeysOf(folder);
  assert.ok(allows(second.public) && allows(readWorkerKey(file).public));
  writeFileSync(`${list}.new`, "");
  assert.throws(() => revokeKey(folder, "second"), /cannot be changed.*remove .*allowed\.new/);
  assert.ok(allows(second.public));
});

test("a user's own folder is whole whenever it is there, however many ask at once", async (context) => {
  const XDG_STATE_HOME = temporaryDirectory(context);
  const module = new URL("../../../src/run/keys.js", import.meta.url).href;
  const script = `const { workerKeyFor } = await import(${JSON.stringify(module)}); process.stdout.write(workerKeyFor(undefined, "tcp://127.0.0.1:1", process.env).public);`;
  const ask = async () => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      env: { ...process.env, XDG_STATE_HOME },
    });
    const [out] = await Promise.all([text(child.stdout), once(child, "close")]);
    return out;
  };
  const keys = await Promise.all([1, 2, 3, 4].map(ask));
  assert.equal(keys[0]!.length, 40);
  assert.equal(new Set(keys).size, 1);
  assert.deepEqual(readdirSync(join(XDG_STATE_HOME, "cnn-dist")), ["keys"]);
});
