/**
 * Loaded into every process and thread of a run by NODE_OPTIONS=--import, to slow it down in one known way, which CNN_DIST_TEST_SLOW names:
 * `loader`: each shard's images come a moment later; `disk`: each fsync takes a while.
 */
import fs from "node:fs";
import { open } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { devNull } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

const LOADER_MS = 60;
const FSYNC_MS = 20;

async function slowLoader(): Promise<void> {
  const { ShardLoader } = await import("../../src/data/loader.js");
  const { take } = ShardLoader.prototype;
  ShardLoader.prototype.take = async function (...given) {
    await sleep(LOADER_MS);
    return take.apply(this, given);
  };
}

async function slowDisk(): Promise<void> {
  const file = await open(devNull);
  const FileHandle = Object.getPrototypeOf(file) as { sync(): Promise<void> };
  await file.close();
  const { sync } = FileHandle;
  FileHandle.sync = async function () {
    await sleep(FSYNC_MS);
    return sync.call(this);
  };
  const { fsyncSync } = fs;
  fs.fsyncSync = (file) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FSYNC_MS);
    fsyncSync(file);
  };
  syncBuiltinESMExports();
}

const { CNN_DIST_TEST_SLOW: how } = process.env;
if (how === "loader") await slowLoader();
if (how === "disk") await slowDisk();
