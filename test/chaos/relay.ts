/** A TCP relay on loopback: a link between two processes that can be cut, or stand still without an end, and heal. */
import { connect, createServer, type Server, type Socket } from "node:net";

export class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #up = true;

  private constructor(server: Server) {
    this.#server = server;
  }

  static open(targetPort: number): Promise<Relay> {
    const server = createServer({ allowHalfOpen: false });
    const relay = new Relay(server);
    server.on("connection", (socket) => relay.#pair(socket, targetPort));
    return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(relay)));
  }

  get endpoint(): string {
    return `tcp://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  #pair(from: Socket, port: number): void {
    if (!this.#up) return void from.destroy();
    const to = connect(port, "127.0.0.1");
    for (const [socket, other] of [
      [from, to],
      [to, from],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }

  /** Both ends are told. */
  cut(): void {
    this.#up = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Nobody is told. */
  hold(): void {
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.pause();
    }
    this.#up = false;
  }

  /** After `hold` the connections end as a machine ends them that was started again: what was on its way is lost. */
  heal(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#up = true;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}
