/**
 * Machines on this one: each has a network, a host name, /etc/hosts and processes of its own, and sees the same files.
 * They hang on a bridge that is the first machine's. Nothing of it lies in this machine's own namespaces, so that nothing
 * can be in the way or stay behind. Needs root, iproute2 and util-linux.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type Output, type Started, startProcess } from "./cli.js";

export interface Machine {
  name: string;
  address: string;
  start(words: readonly string[], options?: Options): Started;
  /** Rejects with what was written where the command fails. */
  run(words: readonly string[], options?: Options): Promise<Output>;
  /** A signal to what `start` started. */
  signal(started: Started, signal: NodeJS.Signals): void;
  /** As if its power went: all its processes end at once, and nobody answers at its address. */
  powerOff(): Promise<void>;
  /** The same name and address, and no process. */
  powerOn(): Promise<void>;
}

interface Options {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

/** `names[n]` has the address 10.77.0.(n+1); more names of a machine follow it after spaces. */
export async function machines(context: TestContext, names: readonly string[]): Promise<Machine[]> {
  const dir = mkdtempSync(join(tmpdir(), "cnn-dist-machines-"));
  const hosts = join(dir, "hosts");
  const addressOf = (index: number) => `10.77.0.${index + 1}`;
  writeFileSync(
    hosts,
    ["127.0.0.1 localhost", ...names.map((name, index) => `${addressOf(index)} ${name}`), ""].join("\n"),
  );
  const all: Host[] = [];
  context.after(async () => {
    for (const host of all.reverse()) await host.powerOff();
    rmSync(dir, { recursive: true, force: true });
  });
  for (const [index, name] of names.entries()) {
    const host = new Host(name.split(" ")[0]!, addressOf(index), hosts, all[0] ?? null);
    all.push(host);
    await host.powerOn();
  }
  return all;
}

const NAMESPACES = ["--net", "--uts", "--mount", "--pid"];

/** The first process of a machine: it takes in what others leave behind, and ends all with itself, or with the test. */
const INIT = `hostname "$1" && mount --bind "$2" /etc/hosts && ip link set lo up && echo up && read -r`;

class Host implements Machine {
  readonly name: string;
  readonly address: string;
  readonly #hosts: string;
  readonly #bridge: Host | null;
  #init: number | null = null;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(name: string, address: string, hosts: string, bridge: Host | null) {
    this.name = name;
    this.address = address;
    this.#hosts = hosts;
    this.#bridge = bridge;
  }

  async powerOn(): Promise<void> {
    const words = [...NAMESPACES, "--fork", "--kill-child", "--mount-proc", "bash", "-c", INIT, "init"];
    const child = spawn("unshare", [...words, this.name, this.#hosts], { stdio: ["pipe", "pipe", "pipe"] });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk;
    });
    this.#ended = new Promise((resolve) => child.once("exit", resolve));
    await new Promise<void>((resolve, reject) => {
      child.stdout.once("data", () => resolve());
      child.once("exit", (code) => reject(new Error(`the machine ${this.name} ended with ${code}\n${said}`)));
    });
    this.#init = childOf(child.pid!);
    await this.#connect();
  }

  async #connect(): Promise<void> {
    const ip = (words: string) => this.run(["ip", ...words.split(" ")]);
    if (this.#bridge === null) {
      await ip("link add br0 type bridge");
      await ip(`addr add ${this.address}/24 dev br0`);
      await ip("link set br0 up");
      return;
    }
    const port = `to-${this.name}`.slice(0, 15);
    // Made from here, since machines do not see each other's processes.
    const [mine, its] = [String(this.#pid), String(this.#bridge.#pid)];
    // The kernel removes the network of a machine that went off in its own time, and this end with it.
    await this.#bridge.start(["ip", "link", "del", port]).ended;
    const pair = ["eth0", "netns", mine, "type", "veth", "peer", "name", port, "netns", its];
    execFileSync("ip", ["link", "add", ...pair]);
    await this.#bridge.run(["ip", "link", "set", port, "master", "br0", "up"]);
    await ip(`addr add ${this.address}/24 dev eth0`);
    await ip("link set eth0 up");
  }

  get #pid(): number {
    if (this.#init === null) throw new Error(`the machine ${this.name} is off`);
    return this.#init;
  }

  start(words: readonly string[], { env = {}, cwd = "/" }: Options = {}): Started {
    const enter = ["--target", String(this.#pid), ...NAMESPACES, `--wd=${cwd}`, "--"];
    return startProcess("nsenter", [...enter, ...words], { cwd, env });
  }

  async run(words: readonly string[], options: Options = {}): Promise<Output> {
    const output = await this.start(words, options).ended;
    if (output.code === 0) return output;
    throw new Error(`${this.name}: '${words.join(" ")}' ended with ${output.code}\n${output.stdout}\n${output.stderr}`);
  }

  signal({ child }: Started, signal: NodeJS.Signals): void {
    process.kill(childOf(child.pid!), signal);
  }

  async powerOff(): Promise<void> {
    if (this.#init === null) return;
    process.kill(this.#init, "SIGKILL");
    this.#init = null;
    await this.#ended;
  }
}

/** nsenter and unshare start one process, and wait for it. */
function childOf(pid: number): number {
  const child = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim());
  if (!(child > 0)) throw new Error(`process ${pid} has no child`);
  return child;
}
