/**
 * What a node costs its network, counted by the kernel on the node's own interface: the same with one worker and with two, and
 * what the run says of it. Root.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { BIN } from "../support/cli.js";
import { type Machine, machines } from "../support/machines.js";
import { scratch } from "../support/runs.js";
import { commandIn, eventsOf } from "../support/several-nodes.js";

const STEPS = 100;
const FLAGS = [
  ..."--model lenet5 --dataset synthetic --dataset-option train=1024 --dataset-option test=16".split(" "),
  ...`--device cpu --batch-size 64 --shards 4 --steps ${STEPS} --evaluate-every-epochs 0`.split(" "),
];

interface Traffic {
  /** From the node to the coordinator, and to it. */
  in: number;
  out: number;
}

/** Of all TCP connections of a machine so far, without the headers of Ethernet, IP and TCP, whose number is chance. */
async function carried(machine: Machine): Promise<Traffic> {
  const [{ stats64 }] = JSON.parse((await machine.run(["ip", "-s", "-j", "link", "show", "eth0"])).stdout);
  const headers = 14 + 20 + 32;
  const of = ({ bytes, packets }: { bytes: number; packets: number }) => bytes - packets * headers;
  return { in: of(stats64.tx), out: of(stats64.rx) };
}

/** Of a whole training by two machines with so many workers each: what its steps say, and what the interface of the second does. */
async function trafficWith(workers: number, context: TestContext): Promise<{ told: Traffic; seen: Traffic }> {
  const all = await machines(context, ["n0", "n1"]);
  const dir = scratch(context);
  const runDir = join(dir, "run");
  const env = await commandIn(dir);
  const [coordinator] = all.map((machine, rank) => {
    const where = ["--nodes", "2", "--node-rank", `${rank}`, "--rendezvous", `${all[0]!.address}:5555`];
    const words = [process.execPath, BIN, "launch", ...FLAGS, "--gpus", `${workers}`, ...where, "--run-dir", runDir];
    return machine.start(words, { env });
  });
  const { code, stderr } = await coordinator!.ended;
  assert.equal(code, 0, stderr);
  const steps = eventsOf(runDir).flatMap((event) => (event.event === "step" ? [event] : []));
  assert.equal(steps.length, STEPS);
  const told = { in: 0, out: 0 };
  for (const { ranks, node_bytes: nodes } of steps) {
    assert.equal(Object.keys(ranks).length, 2 * workers, "all workers have a part in every step");
    told.in += nodes!["1"]!.in;
    told.out += nodes!["1"]!.out;
  }
  return { told, seen: await carried(all[1]!) };
}

test("a node's traffic does not depend on its workers, and is what the run says", async (context) => {
  const [one, two] = [await trafficWith(1, context), await trafficWith(2, context)];
  for (const direction of ["in", "out"] as const) {
    const a_step = (bytes: number) => `${(bytes / STEPS / 1000).toFixed(1)} KB`;
    const says = ({ told, seen }: typeof one) => `${a_step(told[direction])} told, ${a_step(seen[direction])} seen`;
    context.diagnostic(`${direction}, a step and node: one worker ${says(one)}; two workers ${says(two)}`);
    assert.equal(two.told[direction], one.told[direction]);
    near(two.seen[direction], one.seen[direction]);
    for (const { told, seen } of [one, two]) near(seen[direction], told[direction]);
  }
});

/** Headers of messages, encryption, signs of life and what joining takes are what may differ. */
function near(bytes: number, expected: number): void {
  const ratio = bytes / expected;
  assert.ok(ratio > 0.98 && ratio < 1.02, `${bytes} bytes for ${expected}`);
}
