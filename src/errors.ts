/** Exit codes of the command line: the only place where they are numbers. */
export const EXIT = { done: 0, failed: 1, usage: 2, stopped: 75, aborted: 130 } as const;

/**
 * Every error that a person may see. `code` is stable and may be matched on; the message says what happened, where
 * (rank, step, file), what was received, and what to do.
 */
export class CnnDistError extends Error {
  readonly code: string;
  readonly exitCode: number;

  constructor(code: string, message: string, options: { cause?: unknown; exitCode?: number } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "CnnDistError";
    this.code = code;
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}

/** Bad input, found before any work starts: exit code 2. */
export class UsageError extends CnnDistError {
  constructor(code: string, message: string, options: { cause?: unknown } = {}) {
    super(code, message, { ...options, exitCode: EXIT.usage });
    this.name = "UsageError";
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
