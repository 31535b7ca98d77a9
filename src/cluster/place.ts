/** Where a process stands among the machines of a run: what its launcher says, and what options say instead. */
import { UsageError } from "../errors.js";
import { type Known, type Launcher, launcherOf, type Variable } from "./launchers.js";
import { derivedPort } from "./port.js";
import { type Endpoint, parseRendezvous, type WantedEndpoint } from "./rendezvous.js";

/** One process of a run of several machines, or a run of this machine alone. */
export interface Place {
  /** Who started the process; `hand`: a person, or options that say everything. */
  launcher: Launcher;
  /** Machines that the run begins with. */
  nodes: number;
  /** From 0; node 0 has the coordinator. */
  nodeRank: number;
  /** Where node 0 listens and the others look for it; null: no other machine takes part. */
  rendezvous: Endpoint | null;
  /** How often the launcher started the job again. */
  restarts: number;
  /** The job's name, which stays over restarts, in letters that suit a folder; null where the launcher gives none. */
  name: string | null;
}

/** Options of the command line; each wins over the environment. */
export interface GivenPlace {
  nodes?: number | null | undefined;
  nodeRank?: number | null | undefined;
  /** HOST:PORT, or HOST where the launcher's job has a name to derive a port from. */
  rendezvous?: string | null | undefined;
}

/**
 * Without a word about several machines, in `given` or by the launcher, this machine alone: so in an interactive
 * allocation, a batch script or a notebook's pod. UsageError `launcher` where variables or options contradict each other,
 * start more than one process a node, or lack something that several machines need.
 */
export function placeOf(env: NodeJS.ProcessEnv, given: GivenPlace = {}): Place {
  const wanted = given.rendezvous == null ? null : parseRendezvous(given.rendezvous);
  const known = (isGivenWhole(given) ? null : launcherOf(env)) ?? NOBODY;
  const nodes = given.nodes == null ? known.nodes : option("--nodes", given.nodes);
  const nodeRank = given.nodeRank == null ? known.nodeRank : option("--node-rank", given.nodeRank);
  const place = { launcher: known.launcher, restarts: known.restarts, name: known.name };
  const count = nodes?.value ?? 1;
  if (given.nodeRank == null) known.assertOneProcessANode();
  if (count === 1 && wanted === null && given.nodeRank == null)
    return { ...place, nodes: 1, nodeRank: 0, rendezvous: null };
  const rank = nodeRank?.value ?? (count === 1 ? 0 : missing(known.launcher, nodes, "--node-rank R"));
  if (rank >= count)
    throw new UsageError(
      "launcher",
      `${says(nodeRank)} with ${nodes === null ? "--nodes not given, which is 1" : says(nodes)}: expected a rank from 0 to ${count - 1}. Node ranks begin at 0, and each machine has its own.`,
    );
  const rendezvous = complete(wanted, known) ?? missing(known.launcher, nodes, "--rendezvous HOST:PORT");
  return { ...place, nodes: count, nodeRank: rank, rendezvous };
}

const NOBODY: Known = {
  launcher: "hand",
  nodes: null,
  nodeRank: null,
  host: null,
  port: null,
  restarts: 0,
  name: null,
  seed: null,
  assertOneProcessANode() {},
};

/** The environment has nothing to add: neither to these, nor to a run that is of this machine alone by its own word. */
function isGivenWhole({ nodes, nodeRank, rendezvous }: GivenPlace): boolean {
  return nodes === 1 ? rendezvous == null : nodes != null && nodeRank != null && rendezvous != null;
}

/** Null where there is no host to meet at, or no port and nothing to derive one from. */
function complete(wanted: WantedEndpoint | null, known: Pick<Known, "host" | "port" | "seed">): Endpoint | null {
  const host = wanted?.host ?? known.host;
  const port = wanted?.port ?? known.port ?? (known.seed === null ? null : derivedPort(known.seed));
  return host === null || port === null ? null : { host, port };
}

const option = (name: string, value: number): Variable => ({ name, value });
const says = (variable: Variable | null) =>
  variable === null
    ? "no node rank"
    : variable.name.startsWith("--")
      ? `${variable.name} ${variable.value}`
      : `${variable.name}=${variable.value}`;

function missing(launcher: Launcher, nodes: Variable | null, what: string): never {
  const [by, lack] =
    launcher === "hand"
      ? ["", "no launcher that is known here started this process"]
      : [`${launcher}: `, `${launcher} does not say it`];
  throw new UsageError(
    "launcher",
    `${by}${nodes === null ? "a run of several machines" : says(nodes)} needs ${what}, and ${lack}. Give --nodes N and --rendezvous HOST:PORT on every machine, the address of node 0, and --node-rank R, from 0 to N-1, where the launcher does not number its machines.`,
  );
}
