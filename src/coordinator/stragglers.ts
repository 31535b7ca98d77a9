/** Which rank takes persistently longer for a shard than the others, and in which phase. Pure. */
import type { BackupEvent, RankPhases, SlowEvent, StepEvent } from "../events.js";

/** Steps in a row of which the medians are compared. */
const WINDOW = 16;
/** Times as long as the others: from here a rank is slow, and below the second it has recovered. */
const SLOW = 1.5;
const RECOVERED = 1.2;
/** Seconds a shard below which a difference is the system's noise. */
const LEAST_SECONDS = 0.005;

const PHASES = ["wait", "input", "compute"] as const;
/** Seconds a shard. */
type Pace = Record<(typeof PHASES)[number], number>;

export class Stragglers {
  /** Of ranks that took part in the last step, oldest first. */
  readonly #recent = new Map<number, Pace[]>();
  readonly #slow = new Set<number>();
  /** Ranks that have not ended what others were given as well: they take part in no step meanwhile. */
  readonly #late = new Set<number>();

  /** A rank that is late takes at least so long for a shard; how long, nobody waits for. */
  late({ rank, phase, shards, waited_seconds }: BackupEvent): void {
    this.#late.add(rank);
    const seconds = waited_seconds / shards;
    const in_ = phase === "waiting" ? "wait" : phase === "input" ? "input" : "compute";
    this.#keep(rank, { wait: 0, input: 0, compute: 0, [in_]: seconds });
  }

  /** What is to be told after a step: of each rank once when it has become slow, and once when it has recovered. */
  observe({ step, ranks }: Pick<StepEvent, "step" | "ranks">): SlowEvent[] {
    const present = new Map(Object.entries(ranks).map(([rank, phases]) => [Number(rank), phases]));
    for (const rank of [...this.#recent.keys()]) if (!present.has(rank) && !this.#late.has(rank)) this.forget(rank);
    for (const [rank, phases] of present) {
      this.#late.delete(rank);
      this.#keep(rank, paceOf(phases));
    }
    const known = new Map([...this.#recent].filter(([, kept]) => kept.length === WINDOW).map(medians));
    return [...known.keys()].flatMap((rank) => this.#judge(rank, step, known));
  }

  /** It is gone, or stands by: whoever comes in its place begins anew. */
  forget(rank: number): void {
    this.#recent.delete(rank);
    this.#slow.delete(rank);
    this.#late.delete(rank);
  }

  #keep(rank: number, pace: Pace): void {
    const kept = [...(this.#recent.get(rank) ?? []), pace];
    this.#recent.set(rank, kept.slice(-WINDOW));
  }

  #judge(rank: number, step: number, known: ReadonlyMap<number, Pace>): SlowEvent[] {
    const peers = [...known].filter(([other]) => other !== rank).map(([, pace]) => pace);
    if (peers.length === 0) return [];
    const own = known.get(rank)!;
    const [seconds, others] = [sum(own), median(peers.map(sum))];
    const times = seconds / Math.max(others, 1e-9);
    const was = this.#slow.has(rank);
    const slow = was ? times >= RECOVERED : times >= SLOW && seconds - others >= LEAST_SECONDS;
    if (slow === was) return [];
    if (slow) this.#slow.add(rank);
    else this.#slow.delete(rank);
    const excess = (phase: keyof Pace) => own[phase] - median(peers.map((pace) => pace[phase]));
    const phase = PHASES.reduce((most, each) => (excess(each) > excess(most) ? each : most));
    return [{ event: "slow", rank, slow, step, times, shard_seconds: seconds, peers_seconds: others, phase }];
  }
}

function paceOf({ shards, wait_seconds, input_seconds, compute_seconds }: RankPhases): Pace {
  return { wait: wait_seconds / shards, input: input_seconds / shards, compute: compute_seconds / shards };
}

function medians([rank, kept]: [number, Pace[]]): [number, Pace] {
  const of = (phase: keyof Pace) => median(kept.map((pace) => pace[phase]));
  return [rank, { wait: of("wait"), input: of("input"), compute: of("compute") }];
}

const sum = ({ wait, input, compute }: Pace) => wait + input + compute;

/** Of two in the middle, the smaller: among two peers, the quicker one is the measure. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1]!;
}
