/** Of `--pictures`: which evaluated steps are drawn, one after the other, beside the training. */
import { messageOf } from "../errors.js";
import type { PicturesEvent, RunEvent } from "../events.js";

/** An evaluated step, and the checkpoint of it. */
export interface PictureJob {
  step: number;
  epoch: number;
  best: boolean;
  checkpoint: string;
}

export interface Drawn {
  pictures: PicturesEvent["pictures"];
  /** What could not be drawn, and why. */
  missing: readonly string[];
}

export interface PicturePorts {
  /** Resolves when the files are in their place; rejects with the signal's reason once that is aborted. */
  draw(job: PictureJob, signal: AbortSignal): Promise<Drawn>;
  /** Removes the pictures of all steps but these. */
  keep(steps: readonly number[]): Promise<void>;
  now(): number;
  emit(event: RunEvent): void;
}

/** Steps that come while another is drawn wait; of those only the newest and the best: the others' checkpoints are gone soon. */
export class PictureMaker {
  readonly #ports: PicturePorts;
  readonly #stopping = new AbortController();
  /** Evaluated, and not saved yet: their checkpoints are written beside the training, and may not come. */
  #evaluated: Omit<PictureJob, "checkpoint">[] = [];
  #waiting: PictureJob[] = [];
  #best: number | null;
  #working: Promise<void> | null = null;
  #told = new Set<string>();

  /** `best`: of a run that goes on, the step of its best evaluation. */
  constructor(ports: PicturePorts, best: number | null) {
    this.#ports = ports;
    this.#best = best;
  }

  observe(event: RunEvent): void {
    if (event.event === "eval") {
      const { step, epoch, best } = event;
      this.#evaluated = [...this.#evaluated.filter((each) => each.step !== step), { step, epoch, best }];
    }
    if (event.event !== "checkpoint") return;
    const evaluated = this.#evaluated.find(({ step }) => step === event.step);
    this.#evaluated = this.#evaluated.filter(({ step }) => step > event.step);
    if (!evaluated) return;
    const job = { ...evaluated, checkpoint: event.path };
    this.#waiting = [...(job.best ? [] : this.#waiting.filter(({ best }) => best)), job];
    this.#working ??= this.#work();
  }

  /** When all is drawn. */
  async settle(): Promise<void> {
    await this.#working;
  }

  /** What is being drawn is left. */
  async close(): Promise<void> {
    this.#waiting = [];
    this.#stopping.abort(new Error("the run has ended"));
    await this.#working;
  }

  async #work(): Promise<void> {
    for (let job = this.#waiting.shift(); job; job = this.#waiting.shift()) await this.#draw(job);
    this.#working = null;
  }

  async #draw(job: PictureJob): Promise<void> {
    const { draw, keep, emit, now } = this.#ports;
    const { signal } = this.#stopping;
    const { step, epoch, best } = job;
    const startMs = now();
    try {
      const { pictures, missing } = await draw(job, signal);
      if (best) this.#best = step;
      emit({ event: "pictures", step, epoch, best, pictures, duration_seconds: (now() - startMs) / 1000 });
      for (const why of missing) this.#tellOnce(why);
      await keep(this.#best === null ? [step] : [step, this.#best]);
    } catch (error) {
      if (!signal.aborted) this.#tellOnce(`the pictures of step ${step} were not drawn: ${messageOf(error)}`);
    }
  }

  /** The training goes on; what is missing once is missing each time. */
  #tellOnce(message: string): void {
    if (this.#told.has(message)) return;
    this.#told.add(message);
    this.#ports.emit({ event: "log", level: "warn", message });
  }
}
