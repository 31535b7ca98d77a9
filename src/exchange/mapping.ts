/** Memory that processes of one host share, by mmap. The only home of mmap; Linux. */
import { closeSync, fstatSync, ftruncateSync } from "node:fs";
import { CnnDistError } from "../errors.js";
import { koffi } from "../foreign.js";
import { bytes } from "../format.js";
import { availableBytes } from "./available.js";

const PROT_READ_WRITE = 0x3;
const MAP_SHARED = 0x1;
const MAP_FIXED = 0x10;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
/** The child of a fork closes it, unless it is handed down by name. */
const MFD_CLOEXEC = 0x1;
const KEEP_SIZE = 0x1;
const PUNCH_HOLE = 0x2;
export const PAGE_BYTES = 4096;

interface Calls {
  fallocate(file: number, mode: number, offset: number, bytes: number): number;
  munmap(address: bigint, bytes: number): number;
  mmap(
    address: bigint,
    bytes: number,
    protection: number,
    flags: number,
    file: number,
    offset: number,
  ): number | bigint;
  memfd_create(name: string, flags: number): number;
  posix_fallocate(file: number, offset: number, bytes: number): number;
  memmove(to: Uint8Array, from: Uint8Array, bytes: number): number | bigint;
}

function bind(): Calls {
  const c = koffi.load("libc.so.6");
  return {
    mmap: c.func(
      "uintptr_t mmap(uintptr_t address, size_t bytes, int protection, int flags, int file, int64_t offset)",
    ) as unknown as Calls["mmap"],
    fallocate: c.func(
      "int fallocate(int file, int mode, int64_t offset, int64_t bytes)",
    ) as unknown as Calls["fallocate"],
    munmap: c.func("int munmap(uintptr_t address, size_t bytes)") as unknown as Calls["munmap"],
    memfd_create: c.func("int memfd_create(const char *name, unsigned int flags)") as unknown as Calls["memfd_create"],
    posix_fallocate: c.func(
      "int posix_fallocate(int file, int64_t offset, int64_t bytes)",
    ) as unknown as Calls["posix_fallocate"],
    memmove: c.func("uintptr_t memmove(void *to, void *from, size_t bytes)") as unknown as Calls["memmove"],
  };
}

/** Memory goes back once no array over it is left; whoever still has one may read it. */
const unmapped = new FinalizationRegistry((unmap: () => void) => unmap());

/**
 * A file in memory, without a name: whoever has its descriptor sees the same bytes, and it is gone with the last process
 * that has it, however that ends. Workers get the descriptor when they are started.
 */
export class SharedFile {
  /** Number of the descriptor in this process. */
  readonly descriptor: number;
  readonly #calls: Calls;
  #bytes: number;

  private constructor(descriptor: number, bytes: number, c: Calls) {
    this.descriptor = descriptor;
    this.#bytes = bytes;
    this.#calls = c;
  }

  /** Empty. */
  static create(): SharedFile {
    const c = bind();
    const descriptor = c.memfd_create("cnn-dist", MFD_CLOEXEC);
    if (descriptor < 0) throw new CnnDistError("shared-memory", "this system gives no memory file (memfd_create)");
    return new SharedFile(descriptor, 0, c);
  }

  /** The file of another process, whose descriptor this one was started with. */
  static inherited(descriptor: number): SharedFile {
    return new SharedFile(descriptor, fstatSync(descriptor).size, bind());
  }

  /**
   * Gives the file its size, and all of its memory at once: what is not there now would end a process in mid-run.
   * `available`: bytes that this process may still take, by the machine's memory and its container's limit.
   */
  allocate(bytesWanted: number, available: number = availableBytes()): void {
    if (bytesWanted > available)
      throw new CnnDistError(
        "shared-memory",
        `the run's weights, optimizer and gradients take ${bytes(bytesWanted)} of shared memory, and ${bytes(available)} are free. Use --exchange frames, which takes less and leads to the same result, or free some memory.`,
      );
    this.resize(bytesWanted);
    const code = this.#calls.posix_fallocate(this.descriptor, 0, this.#bytes);
    if (code !== 0)
      throw new CnnDistError(
        "shared-memory",
        `${bytes(this.#bytes)} of shared memory could not be had (error ${code})`,
      );
  }

  /** Gives the file its size; its memory comes as it is written. */
  resize(bytesWanted: number): void {
    this.#bytes = Math.ceil(bytesWanted / PAGE_BYTES) * PAGE_BYTES;
    ftruncateSync(this.descriptor, this.#bytes);
  }

  /** All of the file as memory of this process. */
  view(): ArrayBuffer {
    const [address, length, { munmap }] = [this.#map(0n, this.#bytes, 0, 0), this.#bytes, this.#calls];
    const view = koffi.view(address, length);
    unmapped.register(view, () => munmap(address, length));
    return view;
  }

  /** Lays the file's bytes from `offset` on over the array's own memory. Both begin and end with a page. */
  layOver(target: Uint8Array, offset: number): void {
    const address = BigInt(this.#calls.memmove(target, target, 0));
    this.#map(address, target.byteLength, MAP_FIXED, offset);
  }

  #map(at: bigint, length: number, flags: number, offset: number): bigint {
    if (length % PAGE_BYTES !== 0 || offset % PAGE_BYTES !== 0 || at % BigInt(PAGE_BYTES) !== 0n)
      throw new RangeError(`${length} bytes from ${offset} at ${at} are not whole pages`);
    const address = BigInt(this.#calls.mmap(at, length, PROT_READ_WRITE, MAP_SHARED | flags, this.descriptor, offset));
    if (address === MAP_FAILED)
      throw new CnnDistError("shared-memory", `${bytes(length)} of shared memory could not be mapped`);
    return address;
  }

  /** Gives the memory back at once, though it may still be mapped: whoever reads it from now on sees zeros. */
  discard(): void {
    this.#calls.fallocate(this.descriptor, PUNCH_HOLE | KEEP_SIZE, 0, this.#bytes);
  }

  /** What is mapped stays mapped. */
  close(): void {
    closeSync(this.descriptor);
  }
}
