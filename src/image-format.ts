/** Which image files are read, by their first bytes. Pure. */
const MAGIC = { JPEG: [0xff, 0xd8, 0xff], PNG: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] } as const;

export type ImageFormat = keyof typeof MAGIC;

export function imageFormat(file: Uint8Array): ImageFormat | null {
  const formats = Object.keys(MAGIC) as ImageFormat[];
  return formats.find((format) => MAGIC[format].every((byte, at) => file[at] === byte)) ?? null;
}

/** What is said of a file that is of no such format. */
export function foreignFile(file: Uint8Array): string {
  if (file.byteLength === 0) return "it is empty";
  const first = Array.from(file.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `it is neither ${Object.keys(MAGIC).join(" nor ")} (it begins with ${first})`;
}
