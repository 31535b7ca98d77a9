/** Workers, and what each loss of one cost. */
import { bytes, count, plural } from "../../format.js";
import { duration } from "../../terminal/format.js";
import type { NodeRow } from "../state/nodes.js";
import type { RunState } from "../state/run-state.js";
import type { LostWorker, WorkerRow } from "../state/workers.js";
import { h, section, show } from "./dom.js";
import { Table } from "./table.js";
import { clock, seconds } from "./words.js";

export class WorkersView {
  readonly element: HTMLElement;
  readonly #workers = new Table("workers", [
    { title: "rank" },
    { title: "state" },
    { title: "device" },
    { title: "memory", numeric: true },
    { title: "computed, last step", numeric: true },
    { title: "restarts", numeric: true },
    { title: "what it is doing", wide: true },
  ]);
  readonly #nodes = new Table("other machines", [
    { title: "node" },
    { title: "state" },
    { title: "host" },
    { title: "workers", numeric: true },
    { title: "restarts", numeric: true },
    { title: "received from it, last step", numeric: true },
    { title: "sent to it", numeric: true },
    { title: "what it is doing", wide: true },
  ]);
  readonly #machines = h("div", {}, h("h3", {}, "Other machines"), this.#nodes.element);
  readonly #lost = new Table("losses of workers", [
    { title: "when" },
    { title: "rank" },
    { title: "why", wide: true },
    { title: "what it cost", wide: true },
    { title: "now" },
  ]);
  readonly #none = h("p", {}, "No worker was lost.");

  constructor() {
    this.element = section(
      "Workers",
      "workers",
      this.#workers.element,
      this.#machines,
      h("h3", {}, "Losses and restarts"),
      this.#none,
      this.#lost.element,
    );
  }

  show({ team, nodes }: RunState): void {
    show(this.#machines, nodes.length > 0);
    this.#nodes.show(nodes.map(nodeCells));
    this.#workers.show(team.workers.map(workerCells));
    show(this.#none, team.lost.length === 0);
    show(this.#lost.element, team.lost.length > 0);
    const now = new Date();
    this.#lost.show([...team.lost].reverse().map((lost) => lostCells(lost, now)));
  }
}

function nodeCells({ node, state, host, workers, incarnation, bytes: crossed, detail }: NodeRow) {
  return [
    `node ${node}`,
    { key: state, make: () => stateWord(state, false) },
    host,
    count(workers),
    count(incarnation),
    crossed === null ? "nothing yet" : bytes(crossed.in),
    crossed === null ? "nothing yet" : bytes(crossed.out),
    detail,
  ];
}

function workerCells(worker: WorkerRow) {
  const { rank, state, device, memory, computeSeconds, restarts, detail, slow } = worker;
  return [
    `rank ${rank}`,
    { key: `${state} ${slow !== null}`, make: () => stateWord(state, slow !== null) },
    device,
    memory === null ? "not told" : bytes(memory),
    computeSeconds === null ? "nothing yet" : seconds(computeSeconds),
    count(restarts),
    slow === null
      ? detail
      : `slow: ${slow.times.toFixed(1)} times as long for a shard as the others, most of it in ${SLOW_IN[slow.phase]}`,
  ];
}

const SLOW_IN = { wait: "waiting for work and weights", input: "preparing images", compute: "computing" } as const;

function stateWord(state: string, slow: boolean): HTMLElement {
  return h("span", { class: `state ${slow ? "slow" : state}` }, slow ? `${state}, slow` : state);
}

function lostCells(lost: LostWorker, now: Date) {
  const { rank, incarnation, time, step, reason, detail, place, log, detectionSeconds } = lost;
  const noticed = detectionSeconds === null ? "" : `, noticed after ${seconds(detectionSeconds)}`;
  return [
    [clock(time, now), `after step ${count(step)}`].filter((word) => word !== "").join(", "),
    `rank ${rank}${incarnation > 0 ? `, life ${incarnation + 1}` : ""}`,
    {
      key: `${rank} ${incarnation} ${time} ${log.length}`,
      make: () => h("div", {}, `${detail || REASONS[reason] || reason}${noticed}; ${place}`, logOf(log)),
    },
    costOf(lost),
    lost.awaySeconds !== null ? "back" : lost.after === "lost" ? "gone" : lost.after,
  ];
}

function logOf(log: string): HTMLElement | null {
  return log === "" ? null : h("details", {}, h("summary", {}, "its last lines"), h("pre", { tabindex: 0 }, log));
}

/** For an event without words of its own. */
const REASONS: Readonly<Record<string, string>> = {
  exit: "its process ended",
  silence: "it fell silent",
  "join-timeout": "it did not join in time",
  "step-timeout": "it gave no gradient in time",
  protocol: "what it sent could not be understood",
  error: "it failed",
};

function costOf({ reassigned, extraSeconds, awaySeconds }: LostWorker): string {
  const parts = [
    reassigned > 0 ? `${plural(reassigned, "shard")} computed again by others` : "no shard was under way",
    extraSeconds === null ? null : `that step took ${seconds(extraSeconds)} more than usual`,
    awaySeconds === null ? null : `a worker less for ${duration(awaySeconds)}`,
  ];
  return parts.filter((part) => part !== null).join("; ");
}
