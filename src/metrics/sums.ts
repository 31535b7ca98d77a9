/** Sums by name; what was added earlier can be made to count for less. */
export class Sums {
  readonly #values = new Map<string, number>();

  add(name: string, value: number): void {
    this.#values.set(name, this.get(name) + value);
  }

  get(name: string): number {
    return this.#values.get(name) ?? 0;
  }

  /** Multiplies all of them. */
  fade(factor: number): void {
    for (const [name, value] of this.#values) this.#values.set(name, value * factor);
  }
}
