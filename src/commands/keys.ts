import { z } from "zod";
import { EXIT, UsageError } from "../errors.js";
import { keysFolder } from "../run/keys.js";
import { createKeys, DEFAULT_WORKER, type ListedKey, listKeys, revokeKey } from "../transport/key-folder.js";
import { columns } from "./table.js";
import { flag, path } from "./values.js";
import { work } from "./work.js";

/** Keys of coordinator and workers: lists them, makes one for a worker, or takes one off the list. */
export const command = work(
  {
    action: z.enum(["list", "create", "revoke"]).default("list"),
    name: z.string().optional(),
    keys: path.optional(),
    json: flag,
  },
  async ({ action, name, keys: folder, json }, { io }) => {
    const where = folder ?? keysFolder(io.env);
    if (action === "create") {
      const file = createKeys(where, name ?? DEFAULT_WORKER);
      io.stdout.write(json ? `${JSON.stringify({ key: file })}\n` : `${file}\n`);
      io.stderr.write(
        `The coordinator that uses ${where} lets this key in. A worker on another machine needs a copy of the file there (mode 0600): cnn-dist worker --keys FILE\n`,
      );
      return EXIT.done;
    }
    if (action === "revoke") {
      if (name === undefined)
        throw new UsageError("usage", "keys revoke: whose key? For instance 'cnn-dist keys revoke worker'");
      revokeKey(where, name);
      io.stderr.write(`${name} is off the list of ${where}. Coordinators that run drop its workers within a second.\n`);
      return EXIT.done;
    }
    if (name !== undefined) throw new UsageError("usage", `keys list takes no name, received "${name}"`);
    const listed = listKeys(where);
    if (json) for (const each of listed) io.stdout.write(`${JSON.stringify(each)}\n`);
    else if (listed.length === 0)
      io.stderr.write(`no keys in ${where}: 'cnn-dist keys create' makes some, and so does the first coordinator\n`);
    else io.stdout.write(tableOf(listed));
    return EXIT.done;
  },
);

function tableOf(listed: readonly ListedKey[]): string {
  const rows = listed.map(({ name, public: publicKey, allowed }) => [
    name,
    publicKey,
    allowed ? "allowed" : "not allowed",
  ]);
  return `${columns(["name", "public key", "state"], rows, [])}\n`;
}
