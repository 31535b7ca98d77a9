/** `cnn-dist help TOPIC`: a short page on what no command's own help tells. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { EXIT, UsageError } from "../errors.js";
import { nearest } from "../nearest.js";
import { wrap } from "../terminal/format.js";
import { HELP_TOPICS } from "./help-topics.js";
import { work } from "./work.js";

/** The pages are documentation as any other, and ship with it. */
const PAGES = fileURLToPath(new URL("../../../docs/help", import.meta.url));

export const command = work({ topic: z.string().min(1).optional() }, async ({ topic }, { io }) => {
  const width = Math.min(100, io.stdout.columns ?? 80);
  io.stdout.write(topic === undefined ? `${listOfTopics()}\n` : pageOf(topic, width));
  return EXIT.done;
});

const listOfTopics = () => `Topics: ${HELP_TOPICS.join(", ")}. 'cnn-dist help TOPIC' shows one.`;

function pageOf(topic: string, width: number): string {
  const known: readonly string[] = HELP_TOPICS;
  if (!known.includes(topic))
    throw new UsageError("usage", `there is no help on "${topic}"${nearest(topic, known)}. ${listOfTopics()}`);
  return plain(readFileSync(join(PAGES, `${topic}.md`), "utf8"), width);
}

/** Markdown as a terminal shows it: paragraphs are wrapped, what is indented stays as it is, links are their words. */
export function plain(markdown: string, width: number): string {
  return markdown
    .split(/\n{2,}/)
    .map((part) => {
      if (part.startsWith("    ")) return part.trimEnd();
      const text = part.replace(/\[([^\]]+)\]\([^)]+\)/g, "$1").replaceAll("`", "");
      if (text.startsWith("#")) return text.replace(/^#+ /, "").toUpperCase().trimEnd();
      return wrap(text.trim().replaceAll("\n", " "), width).join("\n");
    })
    .join("\n\n")
    .concat("\n");
}
