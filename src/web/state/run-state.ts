/**
 * A run as its page shows it, from its first event to its last: events in, state out. The server keeps one for whoever opens the
 * page, and the page goes on with it in the browser. Bounded, however long the run is. Plain data, so that it travels as JSON.
 * Pure; changed in place, since a copy for every step would cost more than the step.
 */
import type {
  CheckpointEvent,
  DoneEvent,
  EvalEvent,
  HeldBack,
  LogEvent,
  NotStartedEvent,
  PicturesEvent,
  PlanEvent,
  TimelineEvent,
} from "../../events.js";
import { addCurves, addPoint, type Curves, cutBack, emptyCurves } from "./curves.js";
import { bytesCrossed, type NodeRow, nodeHappened } from "./nodes.js";
import type { Entry } from "./page-event.js";
import { keepRecent, type PageStep, pointOf, type RecentStep, recentOf, type StepsEvent, secondsOf } from "./steps.js";
import { emptyTeam, slowHappened, stepHappened, type Team, teamResumed, workerHappened } from "./workers.js";

export interface TestPoint extends EvalEvent {
  /** Of training until then. */
  seconds: number;
}

/** A beginning of the run: the first, or one by `resume`. */
export interface Life {
  time: number | null;
  /** The last step that was done before. */
  step: number;
  /** Of a run that lost residuals: why it went back. */
  rollback?: string;
}

export interface RunState {
  plan: PlanEvent | null;
  /** Of the newest event; Unix time in seconds. */
  time: number | null;
  lives: Life[];
  /** Seconds of training: steps, evaluations and what was waited for checkpoints. */
  seconds: number;
  last: PageStep | null;
  curves: Curves;
  tests: TestPoint[];
  checkpoints: CheckpointEvent[];
  team: Team;
  /** Its other machines; none in a run of one. */
  nodes: NodeRow[];
  recent: RecentStep[];
  /** What holds the run back now; null: that is not known, such as of records. */
  heldBack: HeldBack | null;
  /** Of `--pictures`: those of the newest evaluation, and of the best. */
  pictures: { newest: PicturesEvent | null; best: PicturesEvent | null };
  /** Steps on one clock, the newest last. */
  timelines: TimelineEvent[];
  messages: { time: number | null; level: LogEvent["level"]; message: string }[];
  done: DoneEvent | NotStartedEvent | null;
  /** Why it failed; null: it did not. */
  failure: string | null;
  /** Of a run that is read from its records: whether a process writes it now. Null: its own process tells. */
  alive: boolean | null;
}

const MAX_TESTS = 1000;
const MAX_CHECKPOINTS = 100;
const MAX_LIVES = 100;
const MAX_MESSAGES = 100;
/** Of the steps that are traced in a row, the last ones that are whole stay while the next come. */
const MAX_TIMELINES = 5;

export function emptyRunState(): RunState {
  return {
    plan: null,
    time: null,
    lives: [],
    seconds: 0,
    last: null,
    curves: emptyCurves(),
    tests: [],
    checkpoints: [],
    team: emptyTeam(),
    nodes: [],
    recent: [],
    heldBack: null,
    pictures: { newest: null, best: null },
    timelines: [],
    messages: [],
    done: null,
    failure: null,
    alive: null,
  };
}

/** What happened, added to the state. */
export function advance(state: RunState, [time, event]: Entry): void {
  state.time = time ?? state.time;
  switch (event.event) {
    case "plan":
      if (state.plan !== null) teamResumed(state.team);
      state.nodes = [];
      state.plan = event;
      state.done = null;
      state.failure = null;
      state.timelines = [];
      state.heldBack = null;
      backTo(state, event.start_step);
      return bounded(state.lives, { time, step: event.start_step }, MAX_LIVES);
    case "step":
      return stepDone(state, event);
    case "steps":
      return stepsDone(state, event);
    case "timeline":
      return bounded(state.timelines, event, MAX_TIMELINES);
    case "worker":
      return workerHappened(state.team, event, time, state.last?.step ?? state.plan?.start_step ?? 0);
    case "node":
      return nodeHappened(state.nodes, event);
    case "heartbeat": {
      const worker = state.team.workers.find(({ rank }) => rank === event.rank);
      if (worker) worker.memory = event.rss_bytes;
      return;
    }
    case "eval":
      state.seconds += event.duration_seconds;
      state.tests.push({ ...event, seconds: state.seconds });
      if (state.tests.length > MAX_TESTS) state.tests = thinned(state.tests);
      return;
    case "checkpoint":
      return bounded(state.checkpoints, event, MAX_CHECKPOINTS);
    case "pictures":
      state.pictures = { newest: event, best: event.best ? event : state.pictures.best };
      return;
    case "held-back":
      state.heldBack = event;
      return;
    case "slow":
      return slowHappened(state.team, event);
    case "rollback":
      backTo(state, event.step);
      return bounded(state.lives, { time, step: event.step, rollback: event.reason }, MAX_LIVES);
    case "log":
      if (event.level === "error") state.failure = event.message;
      return bounded(state.messages, { time, level: event.level, message: event.message }, MAX_MESSAGES);
    case "done":
    case "stopped":
      state.done = event;
      return;
    case "alive":
      state.alive = event.alive;
      return;
  }
}

/** Of the test points, the one with the greatest accuracy; the first of several. */
export function bestOf(tests: readonly TestPoint[]): TestPoint | null {
  return tests.reduce<TestPoint | null>((best, each) => (best && best.accuracy >= each.accuracy ? best : each), null);
}

function stepDone(state: RunState, event: PageStep): void {
  // A run whose coordinator was killed may have done steps that its checkpoint does not know of.
  if (state.last !== null && event.step <= state.last.step) backTo(state, event.step - 1);
  state.seconds += secondsOf(event);
  addPoint(state.curves, pointOf(event, state.seconds));
  lastDone(state, [recentOf(event)], event);
}

function stepsDone(state: RunState, { curves, recent, last }: StepsEvent): void {
  addCurves(state.curves, curves, state.seconds);
  state.seconds += curves.seconds.at(-1)!;
  lastDone(state, recent, last);
}

function lastDone(state: RunState, recent: readonly RecentStep[], last: PageStep): void {
  for (const step of recent) {
    stepHappened(state.team, step);
    keepRecent(state.recent, step);
  }
  bytesCrossed(state.nodes, last);
  state.last = last;
}

/** What came after a step is done again. */
function backTo(state: RunState, step: number): void {
  cutBack(state.curves, step);
  state.tests = state.tests.filter((test) => test.step <= step);
  state.seconds = Math.max(state.curves.seconds.at(-1) ?? 0, state.tests.at(-1)?.seconds ?? 0);
  state.recent = state.recent.filter((recent) => recent.step <= step);
  state.checkpoints = state.checkpoints.filter((checkpoint) => checkpoint.step <= step);
  if (state.last !== null && state.last.step > step) state.last = null;
}

/** Every second one; the best, the newest and the first stay. */
function thinned(tests: readonly TestPoint[]): TestPoint[] {
  const best = bestOf(tests);
  return tests.filter((test, index) => index % 2 === 0 || test === best || index === tests.length - 1);
}

function bounded<T>(list: T[], item: T, most: number): void {
  list.push(item);
  if (list.length > most) list.splice(0, list.length - most);
}
