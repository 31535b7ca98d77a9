/** Event files that TensorBoard shows: scalars, pictures, the network's graph and text, hyperparameters. */
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { messageOf, UsageError } from "../../errors.js";
import type { PicturesEvent, PlanEvent, RunEvent } from "../../events.js";
import { figuresOf } from "../figures.js";
import { networkOf, networkWords, parametersOfRecipe, recipeWords } from "../plan-words.js";
import type { Sink, SinkContext } from "../sink.js";
import { EventFile } from "./event-file.js";
import * as messages from "./messages.js";
import { record } from "./record.js";

/** A new file in `folder`, which goes on with those of the run's earlier lives. UsageError `config` when it cannot be made. */
export async function openTensorboard(folder: string, context: SinkContext): Promise<Sink> {
  const onTrouble = (why: string) =>
    context.onTrouble(`what TensorBoard shows of this run (${folder}) ends early: ${why}`);
  const options = { now: context.now(), host: hostname(), onTrouble };
  const file = await EventFile.create(folder, options).catch((error: unknown) => {
    throw new UsageError(
      "config",
      `--tensorboard ${folder}: no file can be made there: ${messageOf(error)}. Name a folder that can be written to.`,
      { cause: error },
    );
  });
  return new TensorBoard(file, context);
}

class TensorBoard implements Sink {
  readonly #file: EventFile;
  readonly #context: SinkContext;
  /** Files of pictures that are read; each after the one before, so that steps stay in order. */
  #reading: Promise<void> = Promise.resolve();

  constructor(file: EventFile, context: SinkContext) {
    this.#file = file;
    this.#context = context;
    this.#write(messages.version);
    if (file.goesOn) this.#write(messages.startAt(context.startStep + 1));
  }

  observe(event: RunEvent): void {
    const figures = figuresOf(event);
    if (figures) this.#write(messages.scalars(figures.step, figures.values));
    if (event.event === "plan" && !this.#file.goesOn) this.#begin(event);
    if (event.event === "rollback") this.#write(messages.startAt(event.step + 1));
    if (event.event === "pictures") this.#reading = this.#reading.then(() => this.#pictures(event));
    if (event.event === "done") this.#write(messages.hyperparametersEnd(this.#context.now() / 1000));
  }

  /** Once for a folder: readers keep the first of these. */
  #begin(plan: PlanEvent): void {
    const spec = networkOf(plan);
    if (spec) {
      this.#write(messages.graph(spec));
      this.#write(messages.text("network", networkWords(spec)));
    }
    this.#write(messages.text("recipe", recipeWords(plan)));
    const group = plan.recipe_sha256.slice(0, 16);
    this.#write(messages.hyperparameters(parametersOfRecipe(plan), group, this.#context.now() / 1000));
  }

  /** One that is gone meanwhile, for a newer one, is passed over. */
  async #pictures({ step, pictures }: PicturesEvent): Promise<void> {
    for (const { what, file, width, height } of pictures) {
      const png = await readFile(join(this.#context.runDir, file)).catch(() => null);
      if (png) this.#write(messages.image(step, `pictures/${what}`, { png, width, height }));
    }
  }

  #write(event: (wallTime: number) => Uint8Array): void {
    this.#file.add(record(event(this.#context.now() / 1000)));
  }

  async close(): Promise<void> {
    await this.#reading;
    await this.#file.close();
  }
}
