/** Pieces of a file, cut into its lines. A line beyond all measure is dropped, and told of: memory stays bounded. Pure. */

/** The largest lines of a run's records, steps of a thousand ranks, have less than a megabyte. */
const LONGEST_BYTES = 16 * 1024 * 1024;
const NEWLINE = 10;

export class WholeLines {
  readonly #each: (line: Buffer | null) => void;
  readonly #longest: number;
  /** Of a line whose end has not come yet. */
  #rest: Buffer = Buffer.alloc(0);
  #dropping = false;
  #offset: number;
  #end: number;

  /** `offset`: in the file, where the first piece begins. `each`: a line without its newline; null: one that was too long. */
  constructor(offset: number, each: (line: Buffer | null) => void, longest = LONGEST_BYTES) {
    this.#offset = offset;
    this.#end = offset;
    this.#each = each;
    this.#longest = longest;
  }

  /** In the file: the end of the last line that is whole. */
  get offset(): number {
    return this.#offset;
  }

  /** In the file: the end of the last piece. */
  get end(): number {
    return this.#end;
  }

  /** The next piece. It is kept as far as a line of it is not whole. */
  add(piece: Buffer): void {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const begin = this.#end - this.#rest.length;
    this.#end += piece.length;
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#each(this.#dropping || end - start > this.#longest ? null : bytes.subarray(start, end));
      this.#dropping = false;
      start = end + 1;
      this.#offset = begin + start;
    }
    this.#rest = bytes.subarray(start);
    if (this.#dropping || this.#rest.length > this.#longest) {
      this.#dropping = true;
      this.#rest = Buffer.alloc(0);
    }
  }
}
