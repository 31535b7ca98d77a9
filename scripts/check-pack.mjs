/**
 * Packs the project, installs the tarball globally into an empty HOME (install scripts on, no compiler on the PATH), and
 * trains with what came out.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const scratch = mkdtempSync(join(tmpdir(), "cnn-dist-pack-"));
const run = (command, args, env = {}) =>
  execFileSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
    maxBuffer: 2 ** 26,
  });
try {
  const [{ filename, size }] = JSON.parse(
    run("npm", ["pack", "--json", "--pack-destination", scratch, "--loglevel=error"]),
  );
  const home = join(scratch, "home");
  const tools = join(scratch, "tools");
  mkdirSync(home);
  mkdirSync(tools);
  // Only what a machine without a compiler has.
  for (const tool of ["sh", "env", "python3", "uname", "cat"]) {
    const path = run("sh", ["-c", `command -v ${tool}`]).trim();
    symlinkSync(path, join(tools, tool));
  }
  const npm = run("sh", ["-c", 'readlink -f "$(command -v npm)"']).trim();
  const env = {
    HOME: home,
    PATH: `${dirname(process.execPath)}:${tools}`,
    npm_config_prefix: join(home, "global"),
    npm_config_ignore_scripts: "false",
    npm_config_userconfig: process.env.npm_config_userconfig ?? `${process.env.HOME}/.npmrc`,
    npm_config_cache: join(home, "npm-cache"),
    XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? home, ".cache"),
  };
  execFileSync(process.execPath, [npm, "install", "--global", "--loglevel=error", join(scratch, filename)], {
    stdio: ["ignore", 2, 2],
    env: { ...process.env, ...env },
  });
  const installed = join(home, "global", "bin", "cnn-dist");
  const data = ["height=28", "width=28", "channels=1", "train=128", "test=32"].flatMap((option) => [
    "--dataset-option",
    option,
  ]);
  const out = execFileSync(
    process.execPath,
    [
      installed,
      "launch",
      "--gpus",
      "2",
      "--model",
      "lenet5",
      "--dataset",
      "synthetic",
      ...data,
      "--steps",
      "3",
      "--json",
      "--run-dir",
      join(scratch, "run"),
    ],
    { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], cwd: home, env: { ...process.env, ...env } },
  );
  const last = JSON.parse(out.trim().split("\n").at(-1));
  if (last.event !== "done" || last.step !== 3)
    throw new Error(`the installed cnn-dist ended with ${JSON.stringify(last)}`);
  console.log(`${filename} (${(size / 1e6).toFixed(1)} MB) installs without a compiler and trains`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
