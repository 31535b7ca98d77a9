import { createServer } from "node:net";

/** A TCP port of 127.0.0.1 that nobody used a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

export const freeEndpoint = async (): Promise<string> => `tcp://127.0.0.1:${await freePort()}`;
