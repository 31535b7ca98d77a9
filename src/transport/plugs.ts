/**
 * Stops reading peers that send too much. ZeroMQ has no call for that, but a routing id has one owner: a plug within this process
 * takes it over, and what had it before is not read any more, so that the kernel holds up whatever still comes from there. libzmq
 * then keeps the connection's descriptor and buffers until the socket ends, unless the peer is one of ours, which says after how
 * long to give it up: so this is for those that send on, not for everybody who is not heard any more.
 */
import { randomBytes } from "node:crypto";
import { type Context, Dealer, type Router } from "zeromq";

export class Plugs {
  readonly #context: Context;
  readonly #endpoint = `inproc://plugs-${randomBytes(8).toString("hex")}`;

  /** `context`: the router's, which lets a routing id be taken over (`handover`). Nobody guesses another's: it holds an HMAC. */
  constructor(context: Context) {
    this.#context = context;
  }

  async open(router: Router): Promise<void> {
    await router.bind(this.#endpoint);
  }

  cut(id: Uint8Array): void {
    // zeromq.js takes bytes as well, whatever its types say.
    const plug = new Dealer({ context: this.#context, routingId: id as unknown as string, linger: 0 });
    plug.connect(this.#endpoint);
    plug.close();
  }
}
