/** A queue of (index, float32 vector) between a traced function and the host: results leave the moment they exist. */
import { CnnDistError } from "../../errors.js";
import { intAttribute, setAttribute, stringAttribute } from "../native/attributes.js";
import type { Output, Pointer } from "../native/capi.js";
import type { EagerContext, Handle } from "../native/context.js";
import { DTYPE } from "../native/dtype.js";
import type { Graph } from "../native/graph.js";

const COMPONENTS = Int32Array.of(DTYPE.int32, DTYPE.float);

export class StreamQueue {
  readonly #eager: EagerContext;
  readonly handle: Handle;
  #closed = false;

  /** `name`: two queues without names of their own would be one. */
  constructor(eager: EagerContext, name: string) {
    this.#eager = eager;
    const { tf } = eager.native;
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
    const eager = this.#eager;
    const { tf } = eager.native;
    const results = new BigUint64Array(Math.max(outputs, 1));
    eager.check(name, (status) => {
      const op = this.#op(name, inputs, status);
      prepare(op, status);
      tf.TFE_Execute(op, results, [outputs], status);
      tf.TFE_DeleteOp(op);
    });
    return Array.from({ length: outputs }, (_, index) => eager.adopt(results[index]!));
  }

  #op(name: string, inputs: readonly Handle[], status: Pointer): Pointer {
    const { tf } = this.#eager.native;
    const op = tf.TFE_NewOp<Pointer>(this.#eager.context, name, status);
    for (const input of inputs) tf.TFE_OpAddInput(op, input.pointer, status);
    return op;
  }

  /** Adds the node that puts `value` in; `queue` is the graph's placeholder of the queue. */
  static enqueue(graph: Graph, queue: Output, index: number, value: Output): Pointer {
    const { tf } = graph.eager.native;
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
    // The handle is gone with the queue, and TensorFlow would still follow it.
    if (this.#closed) throw new CnnDistError("cancelled", "the queue was closed");
    const eager = this.#eager;
    const { tf } = eager.native;
    const op = eager.check("QueueDequeueV2", (status) => {
      const dequeue = this.#op("QueueDequeueV2", [this.handle], status);
      tf.TFE_OpSetAttrTypeList(dequeue, "component_types", COMPONENTS, COMPONENTS.length);
      return dequeue;
    });
    const [tag, value] = await eager.executeAsync("QueueDequeueV2", op, 2);
    if (!tag || !value) throw new CnnDistError("stream", "TensorFlow's queue gave nothing");
    try {
      const index = new Int32Array(eager.bytes(tag))[0]!;
      eager.read(value, (data, bytes) => use(index, new Float32Array(eager.native.view(data, bytes))));
    } finally {
      eager.release(tag);
      eager.release(value);
    }
  }

  /** Ends the queue with what is still in it: a pending `next` rejects, as does a pending enqueue. */
  close(): void {
    this.#closed = true;
    const { tf } = this.#eager.native;
    this.#run("QueueCloseV2", [this.handle], 0, (op) => tf.TFE_OpSetAttrBool(op, "cancel_pending_enqueues", 1));
    // A shared queue outlives its handles, and would keep its values until the process ends.
    this.#run("DestroyResourceOp", [this.handle], 0, (op) => tf.TFE_OpSetAttrBool(op, "ignore_lookup_error", 1));
    this.#eager.release(this.handle);
  }
}
