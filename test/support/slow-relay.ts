/**
 * A relay that holds back what goes through it, as a long way does: `node slow-relay.js PORT HOST:PORT MS` listens on this
 * machine alone.
 */
import { createConnection, createServer, type Socket } from "node:net";

const [port, target, ms] = process.argv.slice(2);
const [host, to] = target!.split(":");

function pass(from: Socket, into: Socket): void {
  from.on("data", (chunk) => setTimeout(() => into.write(chunk), Number(ms)));
  from.on("close", () => setTimeout(() => into.destroy(), Number(ms)));
  from.on("error", () => from.destroy());
}

createServer({ noDelay: true }, (near) => {
  const far = createConnection({ host: host!, port: Number(to), noDelay: true });
  pass(near, far);
  pass(far, near);
}).listen(Number(port), "127.0.0.1");
