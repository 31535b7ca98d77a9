/** A queue of (index, float32 vector) between a traced function and the host: results leave the moment they exist. */
import { CnnDistError } from "../errors.js";
import { intAttribute, setAttribute, stringAttribute } from "./attributes.js";
import type { Output, Pointer } from "./capi.js";
import { DTYPE } from "./dtype.js";
import type { Graph } from "./graph.js";
import type { Handle, Session } from "./session.js";

const COMPONENTS = Int32Array.of(DTYPE.int32, DTYPE.float);

export class StreamQueue {
  readonly #session: Session;
  readonly handle: Handle;
  #closed = false;

  /** `name`: two queues without names of their own would be one. */
  constructor(session: Session, name: string) {
    this.#session = session;
    const { tf } = session.native;
    this.handle = this.#run("FIFOQueueV2", [], 1, (op, status) => {
      tf.TFE_OpSetAttrTypeList(op, "component_types", COMPONENTS, COMPONENTS.length);
      for (const attribute of [intAttribute("capacity", -1), stringAttribute("shared_name", name)]) {
        setAttribute(tf, op, "FIFOQueueV2", attribute, status);
      }
    })[0]!;
  }

  #run(
    name: string,
    inputs: readonly Handle[],
    outputs: number,
    prepare: (op: Pointer, status: Pointer) => void,
  ): Handle[] {
    const session = this.#session;
    const { tf } = session.native;
    const results = new BigUint64Array(Math.max(outputs, 1));
    session.check(name, (status) => {
      const op = this.#op(name, inputs, status);
      prepare(op, status);
      tf.TFE_Execute(op, results, [outputs], status);
      tf.TFE_DeleteOp(op);
    });
    return Array.from({ length: outputs }, (_, index) => session.adopt(results[index]!));
  }

  #op(name: string, inputs: readonly Handle[], status: Pointer): Pointer {
    const { tf } = this.#session.native;
    const op = tf.TFE_NewOp<Pointer>(this.#session.context, name, status);
    for (const input of inputs) tf.TFE_OpAddInput(op, input.pointer, status);
    return op;
  }

  /** Adds the node that puts `value` in; `queue` is the graph's placeholder of the queue. */
  static enqueue(graph: Graph, queue: Output, index: number, value: Output): Pointer {
    const { tf } = graph.session.native;
    const tag = graph.constant(DTYPE.int32, [], Int32Array.of(index));
    return graph.node("QueueEnqueueV2", [queue, [tag, value]], [], (node) =>
      tf.TF_SetAttrTypeList(node, "Tcomponents", COMPONENTS, COMPONENTS.length),
    );
  }

  /**
   * Waits for the next value without blocking the event loop, and hands it out in place. One call at a time: each holds a
   * thread of libuv's pool, and four would hold them all.
   */
  async next(use: (index: number, data: Float32Array) => void): Promise<void> {
    // The handle is gone with the queue, and TensorFlow would follow it all the same.
    if (this.#closed) throw new CnnDistError("cancelled", "the queue was closed");
    const session = this.#session;
    const { tf } = session.native;
    const op = session.check("QueueDequeueV2", (status) => {
      const dequeue = this.#op("QueueDequeueV2", [this.handle], status);
      tf.TFE_OpSetAttrTypeList(dequeue, "component_types", COMPONENTS, COMPONENTS.length);
      return dequeue;
    });
    const [tag, value] = await session.executeAsync("QueueDequeueV2", op, 2);
    if (!tag || !value) throw new CnnDistError("stream", "TensorFlow's queue gave nothing");
    try {
      const index = new Int32Array(session.bytes(tag))[0]!;
      session.read(value, (data, bytes) => use(index, new Float32Array(session.native.view(data, bytes))));
    } finally {
      session.release(tag);
      session.release(value);
    }
  }

  /** Ends the queue with what is still in it: a pending `next` rejects, as does a pending enqueue. */
  close(): void {
    this.#closed = true;
    const { tf } = this.#session.native;
    this.#run("QueueCloseV2", [this.handle], 0, (op) => tf.TFE_OpSetAttrBool(op, "cancel_pending_enqueues", 1));
    // A shared queue outlives its handles, and would keep its values until the process ends.
    this.#run("DestroyResourceOp", [this.handle], 0, (op) => tf.TFE_OpSetAttrBool(op, "ignore_lookup_error", 1));
    this.#session.release(this.handle);
  }
}
