/** Memory that processes of one host share, by mmap. The only home of mmap; Linux. */
import { closeSync, ftruncateSync, openSync } from "node:fs";
import koffi from "koffi";
import { CnnDistError } from "../errors.js";

const PROT_READ_WRITE = 0x3;
const MAP_SHARED = 0x1;
const MAP_FIXED = 0x10;
export const PAGE_BYTES = 4096;

interface Calls {
  mmap(address: bigint, bytes: number, protection: number, flags: number, file: number, offset: number): bigint;
  munmap(address: bigint, bytes: number): number;
  memfd(name: string, flags: number): number;
  allocate(file: number, offset: number, bytes: number): number;
  addressOf(bytes: Uint8Array): bigint;
}

/** Bound anew for each file: a file is opened once a run. */
function calls(): Calls {
  const c = koffi.load("libc.so.6");
  const mmap = c.func(
    "uintptr_t mmap(uintptr_t address, size_t bytes, int protection, int flags, int file, int64_t offset)",
  );
  const munmap = c.func("int munmap(uintptr_t address, size_t bytes)");
  const memfd = c.func("int memfd_create(const char *name, unsigned int flags)");
  const allocate = c.func("int posix_fallocate(int file, int64_t offset, int64_t bytes)");
  const memmove = c.func("uintptr_t memmove(void *to, void *from, size_t bytes)");
  return {
    mmap: (...words) => BigInt(mmap(...words) as number | bigint),
    munmap: (address, bytes) => munmap(address, bytes) as number,
    memfd: (name, flags) => memfd(name, flags) as number,
    allocate: (file, offset, bytes) => allocate(file, offset, bytes) as number,
    addressOf: (bytes) => BigInt(memmove(bytes, bytes, 0) as number | bigint),
  };
}

const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** A file of a fixed size whose bytes several processes, and several places of one process, see at once. */
export class SharedFile {
  readonly bytes: number;
  readonly #file: number;
  readonly #calls: Calls;

  private constructor(file: number, bytes: number, c: Calls) {
    this.#file = file;
    this.bytes = bytes;
    this.#calls = c;
  }

  /** Of this process alone. */
  static anonymous(bytes: number): SharedFile {
    const c = calls();
    const file = c.memfd("cnn-dist", 0);
    if (file < 0) throw new CnnDistError("out-of-memory", "the kernel gave no memory file (memfd_create failed)");
    ftruncateSync(file, bytes);
    return new SharedFile(file, bytes, c);
  }

  /**
   * A new file, 0600, with all of its memory: what is not there now would end the process by SIGBUS when it is first
   * written. Throws the system's error (ENOSPC when the file system is too small).
   */
  static create(path: string, bytes: number): SharedFile {
    const c = calls();
    const file = openSync(path, "wx+", 0o600);
    const code = c.allocate(file, 0, bytes);
    if (code !== 0) {
      closeSync(file);
      throw Object.assign(new Error(`posix_fallocate of ${bytes} bytes gave ${code}`), { errno: code });
    }
    return new SharedFile(file, bytes, c);
  }

  /** The same file in another process. */
  static open(path: string, bytes: number): SharedFile {
    return new SharedFile(openSync(path, "r+"), bytes, calls());
  }

  /** The file's bytes as memory of this process. */
  view(): ArrayBuffer {
    const address = this.#map(0n, this.bytes, 0, 0);
    return koffi.view(address, this.bytes);
  }

  /** Lays `bytes` bytes of the file, from `offset`, over the array's own memory from its first byte on. */
  layOver(target: Uint8Array, offset: number): void {
    this.#map(this.#calls.addressOf(target), target.byteLength, MAP_FIXED, offset);
  }

  #map(at: bigint, bytes: number, flags: number, offset: number): bigint {
    if (bytes % PAGE_BYTES !== 0 || offset % PAGE_BYTES !== 0 || at % BigInt(PAGE_BYTES) !== 0n)
      throw new RangeError(`${bytes} bytes from ${offset} at ${at} are not whole pages`);
    const address = this.#calls.mmap(at, bytes, PROT_READ_WRITE, MAP_SHARED | flags, this.#file, offset);
    if (address === MAP_FAILED)
      throw new CnnDistError("out-of-memory", `${bytes} bytes of shared memory could not be mapped`);
    return address;
  }

  close(): void {
    closeSync(this.#file);
  }
}
