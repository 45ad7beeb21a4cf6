import http2 from "node:http2";
import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { End, headersOf } from "../../../test/support/h2-pair.ts";

const BODY = Buffer.alloc(200_000, "abcdefghij");

/** A socket for Node's session, whose other end is ours. */
class Wire extends Duplex {
  readonly #end: End;

  constructor(end: End) {
    super();
    this.#end = end;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#end.session.read(chunk, 0, chunk.length);
    this.flush();
    done();
  }

  /** What our session has written goes to Node's. */
  flush(): void {
    for (let bytes = this.#end.output.flush(); bytes.length > 0; bytes = this.#end.output.flush()) {
      this.push(bytes);
      this.#end.session.pump();
    }
  }
}

describe("Node's own HTTP/2", () => {
  it("is served: heads, bodies, trailers, many at once", async () => {
    const end = new End("server");
    const wire = new Wire(end);
    const client = http2.connect("http://a", { createConnection: () => wire });
    wire.flush();
    const answers = Array.from({ length: 20 }, (_, i) => {
      const request = client.request({ ":method": "POST", ":path": `/${i}`, "x-n": `${i}` });
      request.end(BODY);
      return answerOf(request);
    });
    for (let i = 0; i < answers.length; i++) {
      await until(() => end.accepted[i]?.ended === true);
      const taken = end.accepted[i];
      taken?.stream?.sendResponse(
        200,
        headersOf({ "x-n": taken.message.headers.joined("x-n") ?? "" }),
        false,
      );
      taken?.stream?.sendData(BODY, 0, BODY.length);
      taken?.stream?.sendTrailers(headersOf({ "x-checksum": `${taken.bytes}` }));
      wire.flush();
    }
    for (const [i, answer] of (await Promise.all(answers)).entries()) {
      expect(answer).toEqual({ n: `${i}`, checksum: "200000", bytes: BODY.length });
    }
    client.destroy();
  });

  it("serves us: heads, bodies, trailers, many at once", async () => {
    const end = new End("client");
    const wire = new Wire(end);
    const server = http2.createServer();
    server.on("stream", (stream: http2.ServerHttp2Stream, headers) => {
      let bytes = 0;
      stream.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      stream.on("end", () => {
        stream.respond({ ":status": 200, "x-n": headers["x-n"] }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "x-checksum": `${bytes}` }));
        stream.end(BODY);
      });
    });
    server.emit("connection", wire);
    wire.flush();
    const asked = Array.from({ length: 20 }, (_, i) => {
      const owner = end.ask("POST", false, headersOf({ "x-n": `${i}` }));
      owner.stream?.sendData(BODY, 0, BODY.length);
      owner.stream?.end();
      return owner;
    });
    wire.flush();
    for (const [i, owner] of asked.entries()) {
      await until(() => owner.ended);
      expect(owner).toMatchObject({ bytes: BODY.length, trailers: 1 });
      expect(owner.message.headers.joined("x-n")).toBe(`${i}`);
    }
    wire.destroy();
  });
});

interface Answer {
  readonly n: unknown;
  readonly checksum: unknown;
  readonly bytes: number;
}

function answerOf(request: http2.ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let n: unknown;
    let checksum: unknown;
    let bytes = 0;
    request.on("response", (headers) => {
      n = headers["x-n"];
    });
    request.on("trailers", (trailers) => {
      checksum = trailers["x-checksum"];
    });
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on("end", () => resolve({ n, checksum, bytes }));
    request.on("error", reject);
  });
}

/** Lets Node's session work until the condition holds; the test's own limit ends it otherwise. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
