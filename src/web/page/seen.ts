/** Draws a part of the page while it is in the window. Outside of it: seldom, for find-in-page, print and pictures of the whole. */

const UNSEEN_MS = 5000;

export class Seen {
  readonly #draw: () => void;
  readonly #observer: IntersectionObserver;
  #inWindow = false;
  #stale = false;
  #drawnMs = Number.NEGATIVE_INFINITY;

  constructor(element: Element, draw: () => void) {
    this.#draw = draw;
    this.#observer = new IntersectionObserver((entries) => {
      this.#inWindow = entries.at(-1)!.isIntersecting;
      if (this.#inWindow && this.#stale) this.#now();
    });
    this.#observer.observe(element);
  }

  get inWindow(): boolean {
    return this.#inWindow;
  }

  /** There is something else to draw. `anyway`: also where it is not seen. */
  changed(anyway = false): void {
    this.#stale = true;
    if (anyway || this.#inWindow || performance.now() - this.#drawnMs > UNSEEN_MS) this.#now();
  }

  end(): void {
    this.#observer.disconnect();
  }

  #now(): void {
    this.#stale = false;
    this.#drawnMs = performance.now();
    this.#draw();
  }
}
