/** The command that goes on with a run, safe to paste into a shell whatever the folder is called. */

/** Words that no POSIX shell takes for anything else. */
const PLAIN = /^[A-Za-z0-9_./+,@%=:][A-Za-z0-9_./+,@%=:-]*$/;

/** In single quotes a POSIX shell leaves everything as it is (POSIX.1-2017, Shell Command Language, 2.2.2). */
export function quoteForShell(word: string): string {
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

export function resumeCommand(runDir: string): string {
  return `cnn-dist resume ${quoteForShell(runDir)}`;
}
