/** `cnn-dist doctor`: what was found on this machine, each finding with what to do about it. */
import { execFile } from "node:child_process";
import { existsSync, statfsSync } from "node:fs";
import { createServer } from "node:net";
import { freemem, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { findDataset } from "../data/datasets.js";
import { deviceEnvironment, type Gpu, listGpus } from "../engine/gpus.js";
import { type FoundTensorflow, findTensorflow } from "../engine/install.js";
import { EXIT, messageOf } from "../errors.js";
import { bytes } from "../format.js";
import { cacheDirectory } from "../paths.js";
import { flag } from "./values.js";
import { work } from "./work.js";

export interface Finding {
  what: string;
  status: "ok" | "warn" | "fail";
  found: string;
  /** What to do, unless it is ok. */
  advice?: string;
}

type Check = () => Promise<Finding[]>;

export const command = work({ json: flag }, async ({ json }, { io }) => {
  const findings: Finding[] = [];
  for (const check of [node, modules, () => tensorflow(io.env), () => data(io.env), memory, port] satisfies Check[]) {
    for (const finding of await check()) {
      findings.push(finding);
      if (!json) io.stdout.write(`${line(finding)}\n`);
    }
  }
  if (json) io.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
  return findings.some(({ status }) => status === "fail") ? EXIT.failed : EXIT.done;
});

function line({ what, status, found, advice }: Finding): string {
  return `${status.padEnd(5)} ${what.padEnd(12)} ${found}${advice ? `\n${" ".repeat(19)}${advice}` : ""}`;
}

async function node(): Promise<Finding[]> {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const ok = major > 20 || (major === 20 && minor >= 19);
  return [
    {
      what: "Node",
      status: ok ? "ok" : "fail",
      found: process.version,
      ...(ok ? {} : { advice: "cnn-dist needs Node 20.19 or later." }),
    },
  ];
}

async function modules(): Promise<Finding[]> {
  return Promise.all(
    ["zeromq", "koffi"].map(async (name): Promise<Finding> => {
      try {
        await import(name);
        return { what: name, status: "ok", found: "loads" };
      } catch (error) {
        return {
          what: name,
          status: "fail",
          found: messageOf(error),
          advice: "Install cnn-dist again on this machine: its binaries are chosen by platform.",
        };
      }
    }),
  );
}

async function tensorflow(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const gpus = await listGpus(env);
  const cards = cardsOf(gpus, env);
  try {
    const found = await findTensorflow({ gpu: gpus.length > 0, env, cacheDir: cacheDirectory(env) });
    if (!found)
      return [
        cards,
        {
          what: "TensorFlow",
          status: "warn",
          found: "not here yet",
          advice:
            "It is installed by the first run that needs it, or now by 'cnn-dist setup' (pip and a network are needed).",
        },
      ];
    return [
      cards,
      await product(found, "cpu"),
      ...(await Promise.all(gpus.map(({ uuid, name }) => product(found, "gpu", uuid, name)))),
    ];
  } catch (error) {
    return [cards, { what: "TensorFlow", status: "fail", found: messageOf(error) }];
  }
}

/** Where NVIDIA's driver says its version. */
const DRIVER = "/proc/driver/nvidia/version";

function cardsOf(gpus: readonly Gpu[], env: NodeJS.ProcessEnv): Finding {
  const what = "GPUs";
  if (gpus.length > 0)
    return {
      what,
      status: "ok",
      found: gpus.map(({ name, memoryTotalBytes }) => `${name}, ${bytes(memoryTotalBytes)}`).join("; "),
    };
  if (!existsSync(DRIVER)) return { what, status: "ok", found: "none visible; workers run on the CPU" };
  return {
    what,
    status: "warn",
    found: "NVIDIA's driver is loaded, but no GPU is visible; workers run on the CPU",
    advice:
      env.CUDA_VISIBLE_DEVICES === undefined
        ? "See what 'nvidia-smi' says: it must be on the PATH and list the GPUs."
        : `CUDA_VISIBLE_DEVICES is "${env.CUDA_VISIBLE_DEVICES}".`,
  };
}

/** A matrix product on the device, in a process of its own: a library that crashes takes nothing else along. */
async function product(found: FoundTensorflow, device: "cpu" | "gpu", uuid?: string, name?: string): Promise<Finding> {
  const what = device === "cpu" ? "TensorFlow" : "on the GPU";
  const where = `${found.version ?? ""} ${found.source} (${found.dir})`.trim();
  const probe = fileURLToPath(new URL("../engine/probe.js", import.meta.url));
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [probe, found.dir, device], {
      timeout: 120_000,
      env: { ...process.env, ...deviceEnvironment(uuid === undefined ? [] : [uuid]) },
    });
    return { what, status: "ok", found: `${device === "cpu" ? where : name}: ${stdout.trim()}` };
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    return {
      what,
      status: "fail",
      found: `${where}: ${stderr?.trim().split("\n").at(-1) || messageOf(error)}`,
      advice:
        device === "cpu"
          ? "Run 'cnn-dist setup' for a fresh copy."
          : "The driver, the CUDA wheels and this TensorFlow may not fit together; --device cpu works without them.",
    };
  }
}

async function data(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const { where, ready } = findDataset("fashion-mnist", { cacheDir: cacheDirectory(env) });
  return [
    {
      what: "data",
      status: ready ? "ok" : "warn",
      found: `fashion-mnist: ${where}`,
      ...(ready ? {} : { advice: "The first run downloads it; without a network it trains on the carried subset." }),
    },
  ];
}

const LOW_MEMORY_BYTES = 2 * 2 ** 30;

async function memory(): Promise<Finding[]> {
  const low = freemem() < LOW_MEMORY_BYTES;
  return [
    {
      what: "memory",
      status: low ? "warn" : "ok",
      found: `${bytes(freemem())} free of ${bytes(totalmem())}`,
      ...(low ? { advice: "A worker needs about 0.5 GB and up; start fewer, or choose a smaller batch." } : {}),
    },
    sharedMemory(),
  ];
}

function sharedMemory(): Finding {
  const what = "/dev/shm";
  try {
    const { bavail, bsize } = statfsSync(what);
    return { what, status: "ok", found: `${bytes(bavail * bsize)} free` };
  } catch (error) {
    return { what, status: "warn", found: messageOf(error), advice: "Mount a tmpfs there: NCCL needs it." };
  }
}

async function port(): Promise<Finding[]> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
    return [{ what: "ports", status: "ok", found: "127.0.0.1 can be listened at" }];
  } catch (error) {
    return [
      {
        what: "ports",
        status: "fail",
        found: messageOf(error),
        advice: "Metrics and remote workers need a port on 127.0.0.1.",
      },
    ];
  } finally {
    server.close();
  }
}
