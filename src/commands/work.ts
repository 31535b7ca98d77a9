/** The second half of a command: a schema for its values, and what is done with them. */
import { z } from "zod";
import { validate } from "../config/validate.js";
import type { Terminal, Work } from "./command.js";

type Values<Shape extends z.ZodRawShape> = z.infer<z.ZodObject<Shape, z.core.$strict>>;

export function work<Shape extends z.ZodRawShape>(
  shape: Shape,
  run: (values: Values<Shape>, terminal: Terminal) => Promise<number>,
): Work {
  const schema = z.strictObject(shape);
  return {
    names: Object.keys(shape),
    run: async (given, terminal, positionals) => run(validate(schema, given, null, positionals), terminal),
  };
}
