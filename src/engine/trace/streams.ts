/** A queue between a traced function and the host: float32 tensors leave the moment all of them exist. */
import { CnnDistError } from "../../errors.js";
import type { StreamValues } from "../engine.js";
import { intAttribute, setAttribute, stringAttribute } from "../native/attributes.js";
import type { Output, Pointer } from "../native/capi.js";
import type { EagerContext, Handle } from "../native/context.js";
import { DTYPE } from "../native/dtype.js";
import type { Graph } from "../native/graph.js";

const componentsOf = (tensors: number) => new Int32Array(tensors).fill(DTYPE.float);

export class StreamQueue {
  readonly #eager: EagerContext;
  readonly handle: Handle;
  readonly #tensors: number;
  #closed = false;

  /** `name`: two queues without names of their own would be one. `tensors`: how many each entry has. */
  constructor(eager: EagerContext, name: string, tensors: number) {
    this.#eager = eager;
    this.#tensors = tensors;
    const { tf } = eager.native;
    const components = componentsOf(tensors);
    this.handle = this.#run("FIFOQueueV2", [], 1, (op, status) => {
      tf.TFE_OpSetAttrTypeList(op, "component_types", components, components.length);
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

  /** Adds the node that puts `values` in, as they are; `queue` is the graph's placeholder of the queue. */
  static enqueue(graph: Graph, queue: Output, values: readonly Output[]): Pointer {
    const { tf } = graph.eager.native;
    const components = componentsOf(values.length);
    return graph.node("QueueEnqueueV2", [queue, values], [], (node) =>
      tf.TF_SetAttrTypeList(node, "Tcomponents", components, components.length),
    );
  }

  /**
   * Waits for the next entry without blocking the event loop, and hands it out in place. One call at a time: each holds a
   * thread of libuv's pool, and four would hold them all.
   */
  async next(use: (values: StreamValues) => void): Promise<void> {
    // The handle is gone with the queue, and TensorFlow would still follow it.
    if (this.#closed) throw new CnnDistError("cancelled", "the queue was closed");
    const eager = this.#eager;
    const { tf } = eager.native;
    const components = componentsOf(this.#tensors);
    const op = eager.check("QueueDequeueV2", (status) => {
      const dequeue = this.#op("QueueDequeueV2", [this.handle], status);
      tf.TFE_OpSetAttrTypeList(dequeue, "component_types", components, components.length);
      return dequeue;
    });
    const tensors = await eager.executeAsync("QueueDequeueV2", op, components.length);
    try {
      use(valuesOf(eager, tensors));
    } finally {
      tensors.forEach((tensor) => eager.release(tensor));
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

/**
 * Copied by the C library, never seen as an array: V8 counts the memory behind an array as its own, and 38 MB of gradients
 * a step would have it collect garbage in every step.
 */
function valuesOf(eager: EagerContext, tensors: readonly Handle[]): StreamValues {
  const lengths = tensors.map(({ shape }) => shape.reduce((product, dim) => product * dim, 1));
  return {
    length: lengths.reduce((sum, length) => sum + length, 0),
    copyTo(target) {
      let at = 0;
      tensors.forEach((tensor, index) => {
        const end = at + lengths[index]!;
        eager.readInto(tensor, asBytes(target.subarray(at, end)));
        at = end;
      });
    },
  };
}

const asBytes = ({ buffer, byteOffset, byteLength }: Float32Array) => new Uint8Array(buffer, byteOffset, byteLength);
