import yauzl from "yauzl";

/** Names and contents of an archive's files, checksums verified, in order. */
export function unzip(path: string): Promise<[name: string, content: Buffer][]> {
  return new Promise((resolve, reject) => {
    yauzl.open(path, { lazyEntries: true }, (error, archive) => {
      if (error) return reject(error);
      const files: [string, Buffer][] = [];
      archive.on("error", reject);
      archive.on("end", () => resolve(files));
      archive.on("entry", (entry: yauzl.Entry) => {
        archive.openReadStream(entry, (failed, stream) => {
          if (failed) return reject(failed);
          const pieces: Buffer[] = [];
          stream.on("error", reject);
          stream.on("data", (piece: Buffer) => pieces.push(piece));
          stream.on("end", () => {
            files.push([entry.fileName, Buffer.concat(pieces)]);
            archive.readEntry();
          });
        });
      });
      archive.readEntry();
    });
  });
}
