/** Which phase keeps several workers from being as fast as they could be, in words. Pure. */
import type { Bottleneck, RunEvent, StepEvent } from "../events.js";
import { plural } from "../format.js";

/** Below this part of what so many workers could do at best, it is worth a sentence: two workers, 1.5 times as fast as one. */
const WORTH_TELLING = 0.75;
/** Fewer steps than this say nothing. */
const ENOUGH_STEPS = 10;
/** A rank that has more than this part of the loss is the slow one; else now one is, now another. */
const MAINLY = 0.6;

type Losses = Record<Bottleneck["phase"], number>;

/** Adds up a run's steps, evaluations and waits. */
export class TimeSpent {
  readonly #lost: Losses = {
    wait: 0,
    input: 0,
    "slow-rank": 0,
    "uneven-shards": 0,
    write: 0,
    coordinator: 0,
    checkpoint: 0,
    evaluation: 0,
  };
  readonly #lostTo = new Map<string, number>();
  #seconds = 0;
  /** Of all ranks. */
  #computeSeconds = 0;
  #steps = 0;
  #ranks = 0;
  #last: StepEvent | null = null;
  #compiled = false;

  observe(event: RunEvent): void {
    if (event.event === "step") this.#step(event);
    else if (event.event === "eval") this.#lose("evaluation", event.duration_seconds);
  }

  /** What is to be told; null while the workers are worth it, or there is one alone. */
  bottleneck(): Bottleneck | null {
    const workers = this.#ranks / this.#steps;
    if (this.#steps < ENOUGH_STEPS || workers < 1.5) return null;
    const speedup = this.#computeSeconds / this.#seconds;
    if (speedup >= WORTH_TELLING * workers) return null;
    const [[phase, seconds]] = Object.entries(this.#lost).sort(([, a], [, b]) => b - a) as [[keyof Losses, number]];
    const share = seconds / this.#seconds;
    const whole = Math.round(workers);
    const times = `${whole} workers are ${speedup.toFixed(1)} times as fast as one that does nothing but compute gradients`;
    return {
      phase,
      share,
      speedup,
      text: `${times}: ${this.#cause(phase, `${Math.round(100 * share)}% of the time`)}`,
    };
  }

  #step(event: StepEvent): void {
    this.#last = event;
    // Each worker compiles its step in the first one.
    if (!this.#compiled) {
      this.#compiled = true;
      return;
    }
    const ranks = Object.entries(event.ranks);
    if (ranks.length === 0) return;
    const { phases } = event;
    this.#steps++;
    this.#ranks += ranks.length;
    this.#seconds += event.duration_seconds;
    this.#lose("wait", phases.wait_seconds, 0);
    this.#lose("input", phases.input_seconds, 0);
    this.#lose("write", phases.write_seconds, 0);
    this.#lose("coordinator", phases.reduce_seconds + phases.update_seconds + phases.commit_seconds, 0);
    this.#lose("checkpoint", event.checkpoint_wait_seconds);
    const compute = ranks.reduce((sum, [, rank]) => sum + rank.compute_seconds, 0);
    this.#computeSeconds += compute;
    const shards = ranks.reduce((sum, [, rank]) => sum + rank.shards, 0) / ranks.length;
    const [rank, last] = ranks.reduce((a, b) => (b[1].idle_seconds < a[1].idle_seconds ? b : a));
    const loss = Math.max(0, last.compute_seconds - compute / ranks.length);
    const uneven = Math.min(loss, last.compute_seconds * Math.max(0, 1 - shards / last.shards));
    this.#lose("uneven-shards", uneven, 0);
    this.#lose("slow-rank", loss - uneven, 0);
    this.#lostTo.set(rank, (this.#lostTo.get(rank) ?? 0) + loss - uneven);
  }

  /** `beside`: what of it is not in the steps' own time. */
  #lose(phase: keyof Losses, seconds: number, beside = seconds): void {
    this.#lost[phase] += seconds;
    this.#seconds += beside;
  }

  #cause(phase: Bottleneck["phase"], share: string): string {
    switch (phase) {
      case "wait":
        return `they wait ${share} for the next step's work and weights. A larger --batch-size makes fewer steps; with workers of other hosts, look at the network.`;
      case "input":
        return `reading and preparing images takes ${share}. Look at the disk, the size of the images and the augmentation.`;
      case "slow-rank":
        return this.#slowRank(share);
      case "uneven-shards":
        return `the shards of a step (${this.#shards()}) cannot be divided evenly among them, and so they wait for one another ${share}. A number of --shards that can makes them faster, and is another recipe.`;
      case "write":
        return `gradients are on their way to the coordinator ${share}, after all of them were computed. With workers of other hosts, look at the network.`;
      case "coordinator":
        return `the coordinator adds gradients and updates weights ${share} while the workers wait. A larger --batch-size makes fewer steps.`;
      case "checkpoint":
        return `the training waits ${share} for checkpoints to be written. Save less often (--checkpoint-every-steps), or to a faster disk (--run-dir).`;
      case "evaluation":
        return `evaluation takes ${share}. --evaluate-every-epochs makes it rarer.`;
    }
  }

  #slowRank(share: string): string {
    const [[rank, seconds]] = [...this.#lostTo].sort(([, a], [, b]) => b - a) as [[string, number]];
    if (seconds < MAINLY * this.#lost["slow-rank"])
      return `they wait for one another ${share}: now one is the slowest, now another. Look at what else runs on their cores.`;
    return `rank ${rank} is slower than the others, which wait for it ${share}. Look at what else runs on its cores, or at its machine.`;
  }

  #shards(): string {
    const ranks = Object.values(this.#last?.ranks ?? {});
    const all = ranks.reduce((sum, { shards }) => sum + shards, 0);
    return `${plural(all, "shard")}, ${plural(ranks.length, "worker")}`;
  }
}
