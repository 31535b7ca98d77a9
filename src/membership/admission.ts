/** Whether a worker that wants to join computes what the others do, and the values that the first one may bring. Pure. */
import type { Snapshot } from "../checkpoint/snapshot.js";
import { differences, type Fingerprint } from "../config/fingerprint.js";
import { type Layout, layoutOf } from "../parameters/layout.js";
import { asFloat32 } from "../protocol/codec.js";
import { type LayoutSpec, PROTOCOL, type ToCoordinator } from "../protocol/messages.js";

export type Join = Extract<ToCoordinator, { type: "join" }>;

/** A network's layout, and the values that training begins with. */
export type InitialValues = Pick<Snapshot, "layout" | "weights" | "state">;

/** What is known once workers have joined: of what they bring, and of the engine that computes. */
export type Gathered = InitialValues & { fingerprint: Fingerprint; topologySha256: string };

/** A new run of a model of the user's own has no values yet: only a worker's TensorFlow can read the file. */
export type GivenValues = InitialValues | "from the first worker";

/** Why a worker that speaks that protocol is not understood, or null. */
export function protocolObjection(protocol: number): string | null {
  if (protocol === PROTOCOL) return null;
  return `this coordinator speaks protocol ${PROTOCOL}, the worker ${protocol}; install the same cnn-dist on both`;
}

/** What the workers that have joined agree on. */
export class Agreement {
  readonly #datasetSha256: string;
  #topologySha256: string | null;
  #fingerprint: Fingerprint | null = null;
  #initialValues: InitialValues | null;

  constructor(expect: { datasetSha256: string; topologySha256: string | null }, values: GivenValues) {
    this.#datasetSha256 = expect.datasetSha256;
    this.#topologySha256 = expect.topologySha256;
    this.#initialValues = values === "from the first worker" ? null : values;
  }

  /** Null until the first worker of a user model has brought it. */
  get layout(): Layout | null {
    return this.#initialValues?.layout ?? null;
  }

  /** What training starts from, and what all that joined agree on; null before. */
  get gathered(): Gathered | null {
    const [values, fingerprint, topologySha256] = [this.#initialValues, this.#fingerprint, this.#topologySha256];
    return values && fingerprint && topologySha256 !== null ? { ...values, fingerprint, topologySha256 } : null;
  }

  /** Why the worker cannot take part, or null. */
  objection({ fingerprint, datasetSha256, topologySha256 }: Join): string | null {
    const wrong: { what: string; expected: string; received: string }[] = this.#fingerprint
      ? differences(this.#fingerprint, fingerprint)
      : [];
    const compare = (what: string, expected: string | null, received: string) => {
      if (expected !== null && expected !== received) wrong.push({ what, expected, received });
    };
    compare("dataset SHA-256", this.#datasetSha256, datasetSha256);
    compare("topology SHA-256", this.#topologySha256, topologySha256);
    if (wrong.length === 0) return null;
    const list = wrong.map(({ what, expected, received }) => `${what}: ${expected} here, ${received} there`).join("; ");
    return `the results would depend on which machine computes what. ${list}. Use the same software, data and settings on all workers.`;
  }

  /** A worker without objection takes part; false where the values that it had to bring are none. */
  join(message: Join, payload: Uint8Array | null, layoutKnown: (layout: Layout) => void): boolean {
    if (!this.#initialValues) {
      const values = initialValuesOf(message, payload);
      if (!values) return false;
      layoutKnown(values.layout);
      this.#initialValues = values;
    }
    this.#fingerprint ??= message.fingerprint;
    this.#topologySha256 = message.topologySha256;
    return true;
  }
}

/** Those of a user model, from the first worker that joins; null when layout and values do not fit each other. */
function initialValuesOf(message: Join, payload: Uint8Array | null): InitialValues | null {
  if (!message.parameters) return null;
  if (new Set(message.parameters.map(({ name }) => name)).size < message.parameters.length) return null;
  const layout = layoutOfSpec(message.parameters);
  const values = asFloat32(payload, layout.size + layout.stateSize);
  if (!values) return null;
  return { layout, weights: values.slice(0, layout.size), state: values.slice(layout.size) };
}

/** How a layout travels: from its parameters, in their order, the other side makes the same one. */
export function layoutSpecOf({ trainable, state }: Layout): LayoutSpec {
  return [...trainable, ...state].map(({ name, shape, role, decay }) => ({ name, shape: [...shape], role, decay }));
}

/** RangeError when two parameters have one name. */
export function layoutOfSpec(parameters: LayoutSpec): Layout {
  return layoutOf(parameters.map((each) => ({ ...each, init: { kind: "zeros" } })));
}
