/** An answer that keeps what is written to it. */
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";

export class FakeResponse extends EventEmitter {
  status = 0;
  text = "";
  writableLength = 0;
  destroyed = false;
  ended = false;
  readonly req = { method: "GET" };

  writeHead(status: number): this {
    this.status = status;
    return this;
  }

  write(text: string): boolean {
    this.text += text;
    return true;
  }

  end(text = ""): this {
    this.text += text;
    this.ended = true;
    return this;
  }

  destroy(): this {
    this.destroyed = true;
    this.emit("close");
    return this;
  }

  asResponse(): ServerResponse {
    return this as unknown as ServerResponse;
  }
}
