/** When each device of a traced function had done a part of its work: moments that are read in the graph. */
import { intAttribute, typeAttribute } from "../native/attributes.js";
import type { Output } from "../native/capi.js";
import { DTYPE } from "../native/dtype.js";
import type { Graph } from "../native/graph.js";

/** `begins`: what the device waited for is there. `ends`: the device has computed what it was to. */
export type MarkKind = "begins" | "ends";

/** A time in which a device worked, in milliseconds from the function's start. */
export interface DeviceSpan {
  device: number;
  startMs: number;
  endMs: number;
}

interface Mark {
  device: number;
  kind: MarkKind;
  /** Unix time in seconds, float64. */
  time: Output;
}

export class Marks {
  readonly #graph: Graph;
  readonly #marks: Mark[] = [];

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  /** Reads the time on that device once `output` is there. */
  add(output: Output, device: number, kind: MarkKind): void {
    this.#marks.push({ device, kind, time: this.#graph.at(device, () => this.#timestamp(output)) });
  }

  #timestamp(after: Output): Output {
    const { tf } = this.#graph.eager.native;
    const oper = this.#graph.node("Timestamp", [], [], (node) => tf.TF_AddControlInput(node, after.oper));
    return { oper, index: 0 };
  }

  /** One a mark, each float64 in the bits of two float32, as the function gives all its outputs; null without marks. */
  times(): Output | null {
    const graph = this.#graph;
    const times = this.#marks.map(({ time }) => time);
    if (times.length === 0) return null;
    return graph.at("host", () => {
      const double = typeAttribute("T", DTYPE.double);
      const packed = graph.node("Pack", [times], [intAttribute("N", times.length), double, intAttribute("axis", 0)]);
      const halves = graph.node("Bitcast", [{ oper: packed, index: 0 }], [double, typeAttribute("type", DTYPE.float)]);
      return { oper: halves, index: 0 };
    });
  }

  /** `times` as the function gave them; `startUnixMs`: when it was called. */
  spans(times: Float32Array<ArrayBuffer>, startUnixMs: number): DeviceSpan[] {
    const seconds = new Float64Array(times.buffer);
    return spansOf(
      this.#marks.map(({ device, kind }, index) => ({
        device,
        kind,
        ms: Math.max(0, 1000 * seconds[index]! - startUnixMs),
      })),
    );
  }
}

/** A device worked up to each mark that ends something, from the mark before; what follows without a wait is one span. */
export function spansOf(marks: readonly { device: number; kind: MarkKind; ms: number }[]): DeviceSpan[] {
  const before = new Map<number, number>();
  const open = new Map<number, DeviceSpan>();
  const spans: DeviceSpan[] = [];
  for (const { device, kind, ms } of [...marks].sort((a, b) => a.ms - b.ms)) {
    const startMs = before.get(device) ?? 0;
    before.set(device, ms);
    if (kind === "begins" || ms === startMs) continue;
    const last = open.get(device);
    if (last?.endMs === startMs) last.endMs = ms;
    else {
      const span = { device, startMs, endMs: ms };
      open.set(device, span);
      spans.push(span);
    }
  }
  return spans;
}
