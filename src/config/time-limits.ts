/**
 * How long the processes of a run wait for each other, and what must hold between these limits. Those of downloads and of
 * other programs lie beside what they limit.
 */
import { UsageError } from "../errors.js";

/** How often a worker gives a sign of life. */
export const HEARTBEAT_MS = 1000;
/** So often in that time it looks whether it has long done something that it has not told of: then one comes at once. */
export const LOOKS_A_HEARTBEAT = 10;
/** How often the coordinator looks for silence. */
export const TICK_MS = 500;
/** Loading TensorFlow, reading data and compiling can hold a worker's event loop for long: then silence counts only after this. */
export const BUSY_SILENCE_MS = 60_000;
/** One part of joining (reading the data, loading TensorFlow, building the network) without a word of progress. */
export const JOIN_PART_MS = 600_000;
/** Work of which nobody knows yet how long it takes, without a result: a worker's first step, and one that it compiles. */
export const FIRST_STEP_MS = 600_000;
/** Other work, without a result: so long at least, and so many times as long as it usually takes. */
export const LEAST_STEP_MS = 10_000;
export const STEP_TIMES_USUAL = 5;
/** With backups: from so many times what is usual on, and not sooner, a shard is given to an idle worker as well. */
export const BACKUP_TIMES_USUAL = 1.5;
export const LEAST_BACKUP_MS = 100;
/** How often the coordinator looks for such shards. */
export const BACKUP_LOOK_MS = 50;
/** From a connection's end to the look at which peer it was: its socket has heard of it by then. */
export const PROBE_MS = 100;
/** A worker that was started and has not even said hello after this long will not. */
export const HELLO_TIMEOUT_MS = 60_000;
/** Without a connection for this long, a worker gives up; `--wait-coordinator` can make it longer. */
export const ALONE_MS = 30_000;
/** How long a node looks for a coordinator that it has not met yet: a name that is not known, a port where nobody listens. */
export const FIND_COORDINATOR_MS = 300_000;
/** How often a node looks again whether a name or a key is there. */
export const FIND_AGAIN_MS = 500;
/** How long a run waits for all the nodes that it is to begin with, before it begins with those that are there. */
export const NODES_PATIENCE_MS = 120_000;
/** How long a worker may finish what it computes when its connection is gone, before its process is of no use any more. */
export const UNFINISHED_MS = 60_000;
/** Between two incarnations of one process: a coordinator that lets a worker in and cuts it off must not keep both busy. */
export const REJOIN_PAUSE_MS = 200;
/** A run that goes on waits so long for all of its workers from elsewhere, and then begins with those that are there. */
export const REGATHER_MS = 10_000;
/** ZeroMQ's own signs of life on TCP, which find connections that are dead without a word. */
export const CONNECTION = { heartbeatMs: 2000, timeoutMs: 30_000 } as const;
/** A connection on TCP that has not proved its key after this long is closed. */
export const HANDSHAKE_MS = 10_000;
/** Of the HTTP server: a request is one short line and some headers, an answer some kilobytes; slower peers are cut off. */
export const HTTP_TIMES = { headersMs: 5000, requestMs: 10_000, idleMs: 30_000, lookMs: 1000 } as const;
/** How often a coordinator looks whether the keys of its peers are still allowed. */
export const KEYS_LOOK_MS = 500;
/** How long a key gets no new connection after a peer that used it was cut off. */
export const BAN_MS = 60_000;
/** How long a worker tries when the two sides do not accept each other's keys: a list may be about to change. */
export const REFUSED_MS = 3000;
/** How long a closing socket waits until the other side has what was said last. */
export const CLOSING_MS = 500;
/** How long a worker that ends waits until its last messages have left. */
export const FLUSH_MS = 1000;
/** How long a worker that said why it fails waits for an answer: its end must not be seen before its reason is. */
export const ANSWER_MS = 2000;
/** How long workers get to leave by themselves at the end of a run. */
export const LEAVE_MS = 3000;
/**
 * Of an MLflow server: how often figures are sent, how long a pause grows while it cannot be reached, how long one request may
 * take, and how long the end of a run waits for what is left.
 */
export const MLFLOW = { everyMs: 1000, longestPauseMs: 60_000, requestMs: 10_000, closeMs: 10_000 } as const;
/** How often, and for how long, the last checkpoint of a run is tried again where it cannot be written. */
export const LAST_CHECKPOINT = { everyMs: 5000, patienceMs: 60_000 } as const;
/** How long the end of a run waits for the pictures of its last step. */
export const PICTURES_END_MS = 120_000;
/** How often a run writes the lock of its folder again, to show that it lives. */
export const LOCK_BEAT_MS = 10_000;
/** A run that has been quiet for longer than this looks at its lock before it writes anything. */
export const LOCK_LOOK_MS = 2 * LOCK_BEAT_MS;
/** How often a run tells what holds it back, where that has changed. */
export const HELD_BACK_MS = 1000;
/** A holder of a lock that cannot be seen from here counts as dead after so long without a sign of life. */
export const LOCK_SILENT_MS = 120_000;
/** How long an event waits for others before an open page is told. */
export const STREAM_SEND_MS = 200;
/** The same for what comes with every step: each message wakes three processes of a browser. */
export const STREAM_ROUTINE_MS = 1000;
/** A page's connection on which nothing happens says so this often: a server closes one that stands still for longer. */
export const STREAM_BEAT_MS = 10_000;
/** How often the records of a run are looked at again while a page shows them. */
export const RECORDS_LOOK_MS = 500;
/** How long the page of a folder of runs waits for a live run's own page, which may read old records, before it shows those. */
export const PASS_ON_MS = 5000;
/** A folder of runs is not looked at again within this, however many pages ask. */
export const FOLDER_LOOK_MS = 1000;
/** How often steps are traced while a page is open, so that it can show who did what when. */
export const PAGE_TRACE_MS = 2000;
/** How often a start that goes on with a run looks whether its folder is free. */
export const LOCK_RETRY_MS = 1000;
/** A worker that lived for so long is started again at once: what ended it will hardly end the next as it starts. */
export const STEADY_MS = 15_000;
/** Before a worker is started again of which so many ended soon, one after the other: 0.5, 1, 2, 4 … at most 30 s. */
export function backoffMs(shortLives: number): number {
  return shortLives === 0 ? 0 : Math.min(30_000, 500 * 2 ** (shortLives - 1));
}

/** Seconds, as the command line has them. */
export const DEFAULT_HEARTBEAT_TIMEOUT = 5;
export const DEFAULT_WAIT_WORKERS = 600;
/** A busy worker may miss two signs of life. */
export const LEAST_HEARTBEAT_TIMEOUT = (3 * HEARTBEAT_MS) / 1000;

/** How long a worker that is alive may send no result; `auto`: as long as its work lets expect. */
export type StepTimeout = number | "auto";

/**
 * Milliseconds in which a worker must send a result of what it owes. `usualMs`: what such work usually takes; null: not known.
 * Never less than the limit of silence: a worker that is silent is not one that is slow.
 */
export function stepLimitMs(
  { stepTimeout, heartbeatTimeout }: { stepTimeout: StepTimeout; heartbeatTimeout: number },
  usualMs: number | null,
): number {
  if (stepTimeout !== "auto") return stepTimeout * 1000;
  const least = Math.max(LEAST_STEP_MS, heartbeatTimeout * 1000);
  return Math.max(least, usualMs === null ? FIRST_STEP_MS : STEP_TIMES_USUAL * usualMs);
}

/**
 * How long a node waits for a coordinator that is gone, in seconds: the run may be started again, here or elsewhere. Never less than
 * ALONE_MS, in which a broken connection may heal.
 */
export const DEFAULT_WAIT_COORDINATOR = 60;
/** Of `--wait-coordinator`: a timer holds no more than 2^31 ms. */
export const LONGEST_WAIT_COORDINATOR = 2_000_000;

/** UsageError where a placement's limits contradict each other. */
export function checkTimeLimits({
  stepTimeout,
  heartbeatTimeout,
}: {
  stepTimeout: StepTimeout;
  heartbeatTimeout: number;
}): void {
  if (stepTimeout === "auto" || stepTimeout >= heartbeatTimeout) return;
  throw new UsageError(
    "config",
    `--step-timeout ${stepTimeout} is shorter than --heartbeat-timeout ${heartbeatTimeout}: a worker that is silent would be taken for one that is alive and slow. Raise --step-timeout or lower --heartbeat-timeout.`,
  );
}
