/** A client and an origin that speak HTTP/1.1 in constants. */
import { type FarEnd, Line } from "./fake-net.ts";
import type { Traffic } from "./traffic.ts";

const REQUEST: Buffer = Buffer.from(
  "GET /index HTTP/1.1\r\nhost: bench\r\nuser-agent: bench/1\r\naccept: */*\r\n\r\n",
);
const BODY: string = "x".repeat(100);
const RESPONSE: Buffer = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`,
);

class Origin implements FarEnd {
  readonly line: Line = new Line(this);
  #asked = 0;

  onText(): void {
    this.#asked++;
  }

  onBytes(): void {
    this.#asked++;
  }

  answer(): void {
    for (; this.#asked > 0; this.#asked--) this.line.deliver(RESPONSE);
  }
}

class Http1Client implements FarEnd {
  answered = 0;

  onText(text: string): void {
    if (!text.startsWith("HTTP/1.1 200")) throw new Error(`answered with ${text}`);
    this.answered++;
  }

  onBytes(bytes: Uint8Array): void {
    this.onText(Buffer.from(bytes).toString("latin1"));
  }
}

export class Http1Traffic implements Traffic {
  readonly #origins: Origin[] = [];
  readonly #clients: Http1Client[] = [];
  readonly #lines: Line[] = [];

  connectOrigin(): Line {
    const origin = new Origin();
    this.#origins.push(origin);
    return origin.line;
  }

  connectClients(count: number, accept: (farEnd: FarEnd) => Line): void {
    for (let i = 0; i < count; i++) {
      const client = new Http1Client();
      this.#clients.push(client);
      this.#lines.push(accept(client));
    }
  }

  ask(): void {
    for (const line of this.#lines) line.deliver(REQUEST);
  }

  answer(): void {
    for (const origin of this.#origins) origin.answer();
  }

  get answered(): number {
    let sum = 0;
    for (const client of this.#clients) sum += client.answered;
    return sum;
  }
}
