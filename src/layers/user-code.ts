/** Errors that the code of a user's model throws, with the place in its author's file. */
import { CnnDistError, CODES, messageOf, UsageError } from "../errors.js";
import { userFrame, withDeepStacks } from "../user-frame.js";

/** They say something of the machine or of the run, and not of the model. */
const NOT_OF_THE_MODEL: ReadonlySet<string> = new Set(["out-of-memory", "cancelled"]);

/**
 * What the code threw, with file, line and column; the error itself where it says already what is wrong with the model.
 * The next process would run the same code, so no restart helps.
 */
export function modelError(
  path: string,
  error: unknown,
  { code, did, place = null }: { code: "model-code" | "model-file"; did: string; place?: string | null } = {
    code: "model-code",
    did: "threw an error",
  },
): CnnDistError {
  if (error instanceof CnnDistError && (!CODES[error.code].restartHelps || NOT_OF_THE_MODEL.has(error.code)))
    return error;
  return new UsageError(code, `model ${path} ${did}: ${inWords(error, place)}`, { cause: error });
}

/** The error's name where it tells more than "Error", its message, and the user's line (`known` where the stack has none). */
function inWords(error: unknown, known: string | null): string {
  if (!(error instanceof Error)) return messageOf(error);
  const named = error.name === "Error" || error instanceof CnnDistError ? "" : `${error.name}: `;
  const place = userFrame(error.stack ?? "") ?? known;
  return `${named}${error.message}${place === null ? "" : ` (at ${place})`}`;
}

/** Runs what calls the model's code. */
export function callingModel<Result>(path: string, call: () => Result): Result {
  try {
    return withDeepStacks(call);
  } catch (error) {
    throw modelError(path, error);
  }
}
